import { existsSync } from 'node:fs'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import type { Scope } from './scope.js'

/** Debian's; on other systems Playwright looks for an installed Chrome. */
const executablePath = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'].find(existsSync)

const args = [
  // Only what is on this machine has an address.
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
  '--disable-background-networking',
  // Chromium's own processes share memory there, of which containers have little.
  '--disable-dev-shm-usage',
]

export interface BrowserPage {
  page: Page
  context: BrowserContext
  /** what went wrong in the page: exceptions, errors on its console, and requests that left this machine */
  faults(): string[]
}

const isLocal = (url: string): boolean => /^(?:data|blob|about):|^http:\/\/127\.0\.0\.1:/.test(url)

/** Opens a page in a real Chromium, which is closed at the end of the test. Waits in it take a minute at most, of which a busy machine needs some. */
export const openInBrowser = async (t: Scope, url: string): Promise<BrowserPage> => {
  const browser = await chromium.launch({
    ...(executablePath ? { executablePath } : { channel: 'chrome' }),
    args,
    // Chromium refuses to use its sandbox as root.
    chromiumSandbox: process.getuid?.() !== 0,
  })
  t.teardown(() => browser.close())
  const context = await browser.newContext()
  context.setDefaultTimeout(60_000)
  const page = await context.newPage()
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(`exception: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()}`)
  })
  context.on('request', (request) => {
    if (!isLocal(request.url())) faults.push(`request to ${request.url()}`)
  })
  await page.goto(url)
  return { page, context, faults: () => faults }
}
