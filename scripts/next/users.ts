import { mkdir } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { packageRoot } from '../../src/root.js'
import { openInBrowser } from '../../test/helpers/browser.js'
import type { Scope } from '../../test/helpers/scope.js'
import { until } from '../../test/helpers/wait.js'
import type { ScriptedModel } from './model.js'

interface Surroundings {
  url: string
  model: ScriptedModel
  check(isRight: boolean, failure: string): void
}

const password = 'correct horse battery staple'
const addressOf = (name: string) => `${name.toLowerCase()}@example.com`

/** What a user sees and does on a page. */
const userOf = (page: Page) => {
  const answers = page.locator('.assistant')
  return {
    answers,
    questions: page.locator('.user'),
    titles: page.locator('nav li'),
    async signUp(name: string) {
      await page.getByRole('button', { name: 'I am new here' }).click()
      await page.getByPlaceholder('Name').fill(name)
      await page.getByPlaceholder('Email').fill(addressOf(name))
      await page.getByPlaceholder('Password').fill(password)
      await page.getByRole('button', { name: 'Sign up' }).click()
      await page.waitForURL('**/chat')
    },
    async send(text: string) {
      await page.getByLabel('Message').fill(text)
      await page.getByRole('button', { name: 'Send' }).click()
    },
    /** Waits until an answer has this text. */
    answered: (text: string) => answers.getByText(text, { exact: true }).waitFor(),
    listed: (title: string) => page.locator('nav').getByRole('link', { name: title }).waitFor(),
    newChat: () => page.getByRole('link', { name: 'New chat' }).click(),
  }
}

/** Two users of the app, from sign-up to sign-out. */
export const tryUsers = async (scope: Scope, { url, model, check }: Surroundings): Promise<void> => {
  const { page, context, faults } = await openInBrowser(scope, url)
  const ann = userOf(page)
  check(page.url() === `${url}/sign-in`, `who is signed out is sent to sign in, not to ${page.url()}`)
  await ann.signUp('Ann')

  await ann.send('slowly')
  await ann.answered('So far')
  await page.waitForURL('**/chat/*')
  const first = page.url()
  await ann.listed('slowly')
  await page.reload()
  await ann.answered('So far')
  model.goOn()
  await ann.answered('So far, so good.')
  check((await ann.answers.count()) === 1, 'an answer that was resumed after a reload is shown once')
  check((await ann.questions.count()) === 1, 'and its question too')

  await ann.send('slowly')
  await ann.answered('So far')
  await page.getByRole('button', { name: 'Stop' }).click()
  await until(() => model.abandoned() === 1, 'the model to be stopped')
  await ann.send('And now?')
  await ann.answered('You said: And now?')
  const said = ['So far, so good.', 'So far', 'You said: And now?']
  check(`${await ann.answers.allInnerTexts()}` === `${said}`, 'a stopped answer keeps its text')

  await ann.newChat()
  await page.waitForURL('**/chat')
  await until(async () => (await ann.answers.count()) === 0, 'a new chat to be empty')
  await ann.send('Something else')
  await ann.answered('You said: Something else')
  await ann.listed('Something else')
  const titles = await ann.titles.allInnerTexts()
  check(`${titles}` === 'Something else,slowly', `the newest conversation is first, not ${titles}`)
  await mkdir(new URL('test/screenshots/', packageRoot), { recursive: true })
  await page.screenshot({ path: new URL('test/screenshots/next.png', packageRoot).pathname })
  await page.getByRole('link', { name: 'slowly' }).click()
  await ann.answered('You said: And now?')
  check(page.url() === first, 'the list leads to a conversation’s address')
  check(`${await ann.answers.allInnerTexts()}` === `${said}`, 'and to what was said there')

  const others = await context.browser()?.newContext()
  const othersPage = await others?.newPage()
  if (!othersPage) throw new Error('The browser is gone.')
  const ben = userOf(othersPage)
  await othersPage.goto(url)
  await ben.signUp('Ben')
  await ben.send('I am somebody else')
  await ben.listed('I am somebody else')
  check((await ben.titles.count()) === 1, 'another user’s list has only their own conversation')
  await othersPage.goto(first)
  await othersPage.getByRole('alert').filter({ hasText: 'conversation' }).waitFor()
  check(
    (await ben.answers.count()) === 0,
    'another user sees nothing of a conversation whose address they have',
  )

  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL('**/sign-in')
  await page.goto(first)
  check(page.url() === `${url}/sign-in`, 'who has signed out sees no conversation')
  await page.getByPlaceholder('Email').fill(addressOf('Ann'))
  await page.getByPlaceholder('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await ann.listed('slowly')
  check((await ann.titles.count()) === 2, 'who signs in again finds the conversations')
  check(faults().length === 0, `something failed in the page:\n${faults().join('\n')}`)
}
