import { mkdir } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { packageRoot } from '../../src/root.js'
import { type TestApp, type TestAppOptions, testApp } from './app.js'
import { findBarriers } from './axe.js'
import { type BrowserPage, openInBrowser } from './browser.js'
import { builtPage } from './built-page.js'
import { type SceneModel, sceneModel } from './scenes.js'

export interface ChatBrowser extends TestApp, Omit<BrowserPage, 'context'> {
  context: BrowserPage['context']
  scenes: SceneModel
  /** Opens the page anew, as a new chat. */
  begin(page?: Page): Promise<void>
  /** Sends a message with the field. */
  send(text: string, page?: Page): Promise<void>
  /** Waits until the last answer is there and has this text. */
  answered(text: string, page?: Page): Promise<void>
  /** Keeps a picture of the page in test/screenshots, for people to look at. */
  picture(name: string, page?: Page): Promise<void>
  /** The same, and axe-core finds nothing in the page. */
  checked(state: string, page?: Page): Promise<void>
}

const pictures = new URL('test/screenshots/', packageRoot)

/** A server with the chat page and a model that plays scenes, and the page in a real Chromium: one of each for a test file. */
export const openChatPage = async (t: Test, options: TestAppOptions = {}): Promise<ChatBrowser> => {
  const scenes = sceneModel()
  const app = await testApp(t, { model: scenes.model, page: await builtPage(), ...options })
  const { page: first, context, faults } = await openInBrowser(t, `${app.url}/`)
  await mkdir(pictures, { recursive: true })
  const composer = (page: Page) => page.getByLabel('Your message')
  const picture = async (name: string, page = first): Promise<void> => {
    await page.screenshot({ path: new URL(`${name}.png`, pictures).pathname })
  }
  return {
    ...app,
    page: first,
    context,
    faults,
    scenes,
    async begin(page = first) {
      await page.goto(`${app.url}/`)
      await page.reload()
      await composer(page).waitFor()
    },
    async send(text, page = first) {
      await composer(page).fill(text)
      await composer(page).press('Enter')
    },
    async answered(text, page = first) {
      await page.locator('.answer', { hasText: text }).last().waitFor()
      await page.getByRole('button', { name: 'Send' }).waitFor()
    },
    picture,
    async checked(state, page = first) {
      await picture(state, page)
      t.same(await findBarriers(page), [], `${state}: axe-core finds nothing`)
    },
  }
}
