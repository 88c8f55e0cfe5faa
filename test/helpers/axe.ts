import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

interface AxeResults {
  violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[]
}

const source = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/**
 * What axe-core finds in the page, one line each. It is run in a copy of the page's world by the debugger, past the page's own
 * policy.
 */
export const findBarriers = async (page: Page): Promise<string[]> => {
  await page.addScriptTag({ path: source }).catch(() => {})
  const { violations } = (await page.evaluate('axe.run({ resultTypes: ["violations"] })')) as AxeResults
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary?.slice(0, 200)}`),
  )
}
