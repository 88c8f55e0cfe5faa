import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

interface AxeResults {
  violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[]
}

const path = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** What axe-core finds in the page, one line each. The debugger brings it in, past the page's own policy. */
export const findBarriers = async (page: Page): Promise<string[]> => {
  const debug = await page.context().newCDPSession(page)
  await debug.send('Runtime.evaluate', { expression: await readFile(path, 'utf8') })
  await debug.detach()
  const { violations } = (await page.evaluate('axe.run({ resultTypes: ["violations"] })')) as AxeResults
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary?.slice(0, 200)}`),
  )
}
