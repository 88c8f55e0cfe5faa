import t from 'tap'
import { openChatPage } from '../helpers/chat-page.js'
import { gated } from '../helpers/scenes.js'
import { until } from '../helpers/wait.js'

/** A refusal in the server's place. */
const refusal = (status: number, code: string, headers: Record<string, string> = {}, more = {}) => ({
  status,
  headers,
  contentType: 'application/problem+json',
  json: { type: `/problems/${code}`, title: 'Refused', status, detail: 'No luck.', code, ...more },
})
const internalError = refusal(500, 'internal-error')

t.test('the chat page in trouble', async (t) => {
  const { page, context, scenes, begin, send, answered, checked, faults, call } = await openChatPage(t)
  const rows = page.locator('.row-title')
  const question = page.locator('.question-text')
  const field = page.getByLabel('Your message')
  const converse = async (text: string) => {
    await begin()
    await send(text)
    await answered(`You said: ${text}`)
  }

  await t.test('a message that could not be sent is not lost by sending another, or a reload', async (t) => {
    await converse('Before')
    await page.route('**/chat/stream', (route) => route.fulfill(internalError))
    await send('Lost?')
    await page.getByText('Something went wrong').waitFor()
    await checked('trouble-unsent')
    await page.unroute('**/chat/stream')
    await send('Sent')
    await answered('You said: Sent')
    t.equal(await field.inputValue(), 'Lost?', 'it is back in the field')
    await page.getByRole('button', { name: 'New chat' }).click()
    await page.getByText('What can I help with?').waitFor()
    await field.fill('A new one')
    await page.getByRole('link', { name: 'Before' }).click()
    await answered('You said: Sent')
    await page.getByRole('button', { name: 'New chat' }).click()
    await page.getByText('What can I help with?').waitFor()
    t.equal(await field.inputValue(), 'A new one', 'so is what was written into a new chat')
    await page.reload()
    await field.waitFor()
    t.equal(await field.inputValue(), 'A new one', 'and after a reload')
    await field.fill('')
  })

  await t.test('an answer that could not be stopped goes on, and is shown once', async (t) => {
    await begin()
    const { scene, open } = gated('The one half', ' and the other.')
    scenes.on('Stop in vain', scene)
    await page.route('**/cancel', (route) => route.fulfill(internalError))
    await send('Stop in vain')
    await page.locator('.answer', { hasText: 'The one half' }).waitFor()
    await page.getByRole('button', { name: 'Stop the answer' }).click()
    await page.getByText('It could not be stopped').waitFor()
    await page.locator('[aria-label="Stop the answer"]:enabled').waitFor()
    await page.unroute('**/cancel')
    open()
    await answered('The one half and the other.')
    t.equal(
      await page.locator('.markdown').innerText(),
      'The one half and the other.',
      'its text is there once',
    )
  })

  await t.test('two tabs that send at the same moment show the same', async (t) => {
    await converse('Both are here')
    const second = await context.newPage()
    await second.goto(page.url())
    await answered('You said: Both are here', second)
    const { scene, open } = gated('First', ' of all.')
    scenes.on('From the first', scene)
    let release = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    // The second does not know yet that the first has sent something.
    await second.route(/conversations\/[\da-f-]{36}$/, async (route) => {
      await released
      await route.continue()
    })
    await send('From the first')
    await page.locator('.answer', { hasText: 'First' }).waitFor()
    await send('From the second', second)
    release()
    open()
    await answered('You said: From the second', second)
    const all = ['Both are here', 'From the first', 'From the second']
    for (const tab of [page, second]) {
      await tab.locator('.question', { hasText: 'From the second' }).waitFor()
      await tab.locator('.answer', { hasText: 'First of all.' }).waitFor()
      t.same(await tab.locator('.question-text').allInnerTexts(), all, 'in the order in which it is stored')
    }
    await second.close()
  })

  await t.test('what was deleted on another device while this one was away is gone', async (t) => {
    await converse('Listed')
    await converse('Shown')
    await context.setOffline(true)
    await page.getByText('The server cannot be reached').waitFor()
    const { body } = await call('GET', '/api/demo/conversations', { user: 'demo' })
    for (const { id } of body.data.slice(0, 2))
      await call('DELETE', `/api/demo/conversations/${id}`, { user: 'demo' })
    await context.setOffline(false)
    await page.getByText('The server cannot be reached').waitFor({ state: 'detached' })
    await rows.getByText('Listed').waitFor({ state: 'detached' })
    await question.getByText('Shown').waitFor({ state: 'detached' })
    t.equal(await rows.getByText('Shown').count(), 0, 'from the list as well')
  })

  await t.test('a stream of updates that was refused is asked for again', async (t) => {
    let refused = 0
    const reason = { limit: 'update-streams' }
    await page.route('**/updates*', (route) => {
      refused += 1
      return route.fulfill(refusal(429, 'rate-limited', { 'retry-after': '1' }, reason))
    })
    await begin()
    await rows.first().waitFor()
    t.equal(await page.locator('.failure').count(), 0, 'messages are not limited by that')
    await call('POST', '/api/demo/chat', { user: 'demo', body: { message: 'Not told' } })
    await until(() => refused > 3, 'the page to ask again')
    await page.unroute('**/updates*')
    await rows.getByText('Not told').waitFor()
    await call('POST', '/api/demo/chat', { user: 'demo', body: { message: 'Told at once' } })
    await rows.getByText('Told at once').waitFor()
  })

  await t.test('a tab that nobody sees keeps no connection, and is up to date when it is seen', async (t) => {
    await begin()
    await rows.first().waitFor()
    const show = (isHidden: boolean) =>
      page.evaluate(`
        Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))`)
    let opened = 0
    page.on('request', (request) => {
      if (request.url().includes('/updates')) opened += 1
    })
    const ended = page.waitForEvent('requestfailed', (request) => request.url().includes('/updates'))
    await show(true)
    t.ok(await ended, 'its stream of updates ends')
    await call('POST', '/api/demo/chat', { user: 'demo', body: { message: 'While hidden' } })
    t.equal(opened, 0, 'and no other begins')
    await show(false)
    await rows.getByText('While hidden').waitFor()
    await call('POST', '/api/demo/chat', { user: 'demo', body: { message: 'Seen again' } })
    await rows.getByText('Seen again').waitFor()
  })

  await t.test('older messages that could not be loaded are asked for again', async (t) => {
    const chat_messages = Array.from({ length: 120 }, (_, n) => ({
      uuid: `m${n}`,
      sender: n % 2 === 0 ? 'human' : 'assistant',
      text: `Message ${n}.`,
      created_at: new Date(Date.UTC(2026, 0, 1, 0, 0, n)).toISOString(),
    }))
    const body = [{ uuid: 'c1', name: 'Longer', created_at: chat_messages[0]?.created_at, chat_messages }]
    await call('POST', '/api/demo/import', { user: 'demo', body })
    await page.route(/messages\?.*cursor/, (route) => route.fulfill(internalError))
    await rows.getByText('Longer').click()
    await page.getByText('Message 119.').waitFor()
    const toTop = () => page.evaluate(`document.querySelector('.long-list').scrollTop = 0`)
    await toTop()
    await page.getByText('Something went wrong').waitFor()
    await checked('trouble-older')
    await page.unroute(/messages\?.*cursor/)
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByText('Something went wrong').waitFor({ state: 'detached' })
    for (let i = 0; i < 50 && (await page.getByText('Message 0.').count()) === 0; i += 1) {
      await toTop()
      await page.waitForTimeout(100)
    }
    t.ok(await page.getByText('Message 0.').isVisible(), 'up to the first one')
  })

  await t.test('a message that was found in another version is shown', async (t) => {
    await converse('The axolotl as it was first')
    await page.locator('.question').hover()
    await page.getByRole('button', { name: 'Edit' }).click()
    await page.getByLabel('Edit your message').fill('Something else')
    await page.getByLabel('Edit your message').press('Enter')
    await answered('You said: Something else')
    await page.getByLabel('Search your conversations').fill('axolotl')
    await page.locator('.result', { hasText: 'You' }).first().click()
    await question.getByText('The axolotl as it was first').waitFor()
    t.equal(await question.count(), 1, 'in place of the other one')
    await page.getByLabel('Search your conversations').fill('')
  })

  await t.test('a screen reader hears of the conversation that is shown alone', async (t) => {
    await converse('Over there')
    await begin()
    const { scene, open } = gated('Not yet', ' done.')
    scenes.on('Slowly', scene)
    await send('Slowly')
    await page.locator('.answer', { hasText: 'Not yet' }).waitFor()
    await page.getByRole('link', { name: 'Over there' }).click()
    await answered('You said: Over there')
    const said = await page.locator('.visually-hidden[role=status]').allInnerTexts()
    t.same(said, [''], 'no old answer is read as if it had come')
    open()
  })

  t.same(
    faults().filter((fault) => !/Failed to load resource|ERR_INTERNET_DISCONNECTED/.test(fault)),
    [],
    'nothing failed that was not meant to',
  )
})
