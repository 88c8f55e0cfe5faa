import { gzipSync } from 'node:zlib'
import t from 'tap'
import { LIMIT } from '../../scripts/build-web.js'
import { createPrices } from '../../src/models/prices.js'
import { limitRules } from '../helpers/app.js'
import { builtPage } from '../helpers/built-page.js'
import { openChatPage } from '../helpers/chat-page.js'
import { gated, say } from '../helpers/scenes.js'

const rich = `# A heading

A paragraph with \`code\`, **bold** words and [a link](https://example.com/).

| Name | Points |
|---|---|
| Ada | 12 |

\`\`\`ts
const answer: number = 42 // as is known
\`\`\`

- one
- two`

t.test('the states of the chat page', async (t) => {
  const chatPage = await builtPage(['demo', 'limited', 'poor'])
  const { files } = chatPage
  const app = await openChatPage(t, {
    page: chatPage,
    prices: createPrices({ currency: 'USD', models: { '*': { input: '1', output: '1' } } }),
    userLimits: limitRules(
      {},
      {
        users: new Map([
          ['limited', { turnsPerMinute: 1 }],
          ['poor', { budgetPerDay: 10 }],
        ]),
      },
    ),
  })
  const { page, context, scenes, begin, send, answered, checked, faults, url } = app
  const as = async (user: string) => {
    await begin()
    await page.getByLabel('Demo user').selectOption(user)
    await page.locator('select[aria-label="Demo user"]').waitFor()
    await page.waitForFunction(`document.querySelector('[aria-label="Demo user"]')?.value === '${user}'`)
  }

  await t.test('light, dark and a phone', async (t) => {
    await begin()
    await checked('state-empty')
    scenes.on('Rich', () => say(rich))
    await send('Rich text, please')
    await answered('A heading')
    await checked('state-light')
    const marker = await page.evaluate(
      "getComputedStyle(document.querySelector('.markdown li')).listStyleType",
    )
    t.equal(marker, 'disc', "a list of an answer has its markers, unlike the page's own")
    await page.getByRole('button', { name: 'Dark theme' }).click()
    await checked('state-dark')
    await page.reload()
    await answered('A heading')
    t.equal(await page.locator('html').getAttribute('data-theme'), 'dark', 'the choice is kept')
    await page.getByRole('button', { name: 'Light theme' }).click()
    await page.setViewportSize({ width: 360, height: 720 })
    await page.reload()
    await answered('A heading')
    await checked('state-phone')
    const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
    t.ok(Number(overflow) <= 0, 'nothing reaches out of a narrow screen')
    await page.getByRole('button', { name: 'Show the list' }).click()
    await checked('state-phone-list')
    await page.getByRole('link', { name: 'Rich text' }).click()
    await page.setViewportSize({ width: 1280, height: 720 })
  })

  await t.test('everything is done by the keyboard', async (t) => {
    await begin()
    const focused = () => page.evaluate('document.activeElement?.id || document.activeElement?.ariaLabel')
    t.equal(await focused(), 'composer', 'one may type at once')
    await page.keyboard.type('By keys alone')
    await page.keyboard.press('Shift+Enter')
    await page.keyboard.type('in two lines')
    await page.keyboard.press('Enter')
    await answered('You said: By keys alone')
    await page.keyboard.press('Control+k')
    await page.waitForFunction(`document.activeElement?.id === 'search'`)
    await page.keyboard.press('Control+Shift+o')
    await page.getByText('What can I help with?').waitFor()
    await page.waitForFunction(`document.activeElement?.id === 'composer'`)
    // The page puts the focus there before it draws and once more after that; nobody is as fast as that with keys.
    await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Shift+?')
    await page.getByRole('dialog').getByText('Stop the answer').waitFor()
    await checked('state-shortcuts')
    await page.keyboard.press('Escape')
    const { scene } = gated('Until you press', ' …')
    scenes.on('Escape', scene)
    await send('Escape stops this')
    await page.locator('.answer', { hasText: 'Until you press' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByText('You stopped this answer.').waitFor()
    await page.getByRole('status').getByText('The answer was stopped.').waitFor({ state: 'attached' })
    await page.getByLabel('Your message').press('ArrowUp')
    t.equal(
      await page.getByLabel('Edit your message').inputValue(),
      'Escape stops this',
      'the last is edited',
    )
    await page.keyboard.press('Escape')
    const more = page.getByRole('button', { name: 'More about this conversation' })
    await more.focus()
    await page.keyboard.press('Enter')
    await page.keyboard.press('ArrowDown')
    t.equal(await page.evaluate('document.activeElement?.textContent'), 'Pin', 'a menu is walked by arrows')
    await page.keyboard.press('Escape')
    t.equal(await focused(), 'More about this conversation', 'and gives the focus back')
  })

  await t.test('a screen reader hears the answer once, when it is there', async (t) => {
    await begin()
    await send('Say it')
    await answered('You said: Say it')
    const region = page.getByRole('status').filter({ hasText: 'Answer: You said: Say it' })
    await region.waitFor({ state: 'attached' })
    t.equal(await page.getByRole('feed', { name: 'Messages' }).count(), 1, 'the messages are a feed')
    t.equal(await page.getByRole('article').count(), 2, 'of articles')
  })

  await t.test('text from right to left', async (t) => {
    await begin()
    await send('مرحبا بالعالم')
    await answered('مرحبا بالعالم')
    const direction = await page.evaluate(
      `getComputedStyle(document.querySelector('.question-text')).direction`,
    )
    t.equal(direction, 'rtl', 'a message has the direction of its text')
    await checked('state-right-to-left')
  })

  await t.test('a limit is counted down, and over', async (t) => {
    await as('limited')
    await send('The first')
    await answered('You said: The first')
    await send('The second')
    await page.locator('.failure-rate-limited').first().waitFor()
    await page.getByRole('timer').first().waitFor()
    t.match(await page.getByRole('timer').first().innerText(), /Try again in (0:\d\d|1:00)\./, 'it says when')
    await checked('state-rate-limited')
    await page.getByRole('button', { name: 'Take it back' }).click()
    t.equal(await page.getByLabel('Your message').inputValue(), 'The second', 'the message is not lost')
    t.ok(await page.getByRole('button', { name: 'Send' }).isDisabled(), 'it cannot be sent yet')
  })

  await t.test('a budget that is used up', async (_t) => {
    await as('poor')
    await send('Too expensive')
    await page.getByText('Your budget is used up').first().waitFor()
    await checked('state-over-budget')
  })

  await t.test('a conversation that does not exist', async () => {
    await as('demo')
    await page.goto(`${url}/#/019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e`)
    await page.getByText('This conversation does not exist').waitFor()
    await checked('state-not-found')
  })

  await t.test('somebody who is signed out in production', async (t) => {
    const session = {
      kind: 'app',
      token_url: `${url}/page/none`,
      sign_in_url: 'https://app.example.com/sign-in',
    }
    await page.route('**/page/session.json', (route) => route.fulfill({ json: session }))
    await page.route('**/page/none', (route) => route.fulfill({ status: 401 }))
    await page.goto(`${url}/`)
    await page.reload()
    const link = page.getByRole('link', { name: 'Sign in' })
    await link.waitFor()
    t.equal(await link.getAttribute('href'), session.sign_in_url, 'is told where to sign in')
    await checked('state-signed-out')
    await page.unroute('**/page/session.json')
  })

  await t.test('offline and back', async (t) => {
    await begin()
    await send('Before')
    await answered('You said: Before')
    await context.setOffline(true)
    await page.getByText('The server cannot be reached').waitFor()
    await checked('state-offline')
    await page.getByLabel('Your message').fill('Meanwhile')
    t.ok(await page.getByRole('button', { name: 'Send' }).isDisabled(), 'nothing can be sent')
    await context.setOffline(false)
    await page.getByText('The server cannot be reached').waitFor({ state: 'detached' })
    await page.getByLabel('Your message').press('Enter')
    await answered('You said: Meanwhile')
  })

  await t.test('the page is small, and soon there', async (t) => {
    // A browser that has nothing of it in its cache.
    const device = await context.browser()?.newContext()
    if (!device) throw new Error('there is no second device')
    const slow = await device.newPage()
    const cdp = await device.newCDPSession(slow)
    await cdp.send('Network.enable')
    await cdp.send('Emulation.setCPUThrottlingRate', { rate: 4 })
    let bytes = 0
    let requests = 0
    cdp.on('Network.loadingFinished', ({ encodedDataLength }) => {
      bytes += encodedDataLength
      requests += 1
    })
    const start = performance.now()
    await slow.goto(page.url())
    await slow.locator('.answer').first().waitFor()
    const ms = Math.round(performance.now() - start)
    t.comment(
      `first message on a processor four times slower: ${ms} ms, ${requests} requests, ${bytes} bytes`,
    )
    t.ok(requests < 20, 'few requests')
    t.ok(bytes < 80_000, 'few bytes, the answers to its questions included')
    const built = files.map(({ content }) => gzipSync(content, { level: 9 }).length)
    const size = built.reduce((sum, bytes) => sum + bytes, 0)
    t.comment(`the page: ${size} bytes gzipped, in ${built.length} files`)
    t.ok(size < LIMIT, 'all of its files together are small')
    await device.close()
  })

  const expected = /console: Failed to load resource|ERR_INTERNET_DISCONNECTED/
  t.same(
    faults().filter((fault) => !expected.test(fault)),
    [],
    'nothing failed that was not meant to',
  )
})
