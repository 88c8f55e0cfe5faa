import t from 'tap'
import { openChatPage } from '../helpers/chat-page.js'
import { gated, say } from '../helpers/scenes.js'

t.test('the chat page', async (t) => {
  const { page, scenes, begin, send, answered, picture, checked, faults, call, url } = await openChatPage(t)
  const rows = page.locator('.row-title')
  const answers = page.locator('.answer')

  await t.test('a person is signed in, and gets an answer to the first message', async (t) => {
    await begin()
    await picture('empty')
    t.match(
      await page.locator('.list-empty').innerText(),
      /will be listed/,
      'an empty list says what it is for',
    )
    scenes.on('Hello', () => say('Good day to you.'))
    await send('Hello, page')
    await answered('Good day to you.')
    await picture('light')
    t.equal(await page.locator('.question-text').innerText(), 'Hello, page', 'the message is shown')
    t.same(await rows.allInnerTexts(), ['Hello, page'], 'and its conversation is listed')
    t.match(page.url(), /#\/[\da-f-]{36}$/, 'the address is that of the conversation')
    const { body } = await call('GET', '/api/demo/conversations', { user: 'demo' })
    t.match(page.url(), new RegExp(`#/${body.data[0].id}$`), 'which is stored as the demo user’s')
    await page.reload()
    await answered('Good day to you.')
    t.equal(await answers.count(), 1, 'a reload shows what is stored, once')
  })

  await t.test('an answer is stopped, and keeps what it had said', async (t) => {
    await begin()
    const { scene } = gated('As far as here', ' and no further')
    scenes.on('Stop me', scene)
    await send('Stop me')
    await answers.getByText('As far as here').waitFor()
    await checked('streaming')
    await page.getByRole('button', { name: 'Stop the answer' }).click()
    await page.getByText('You stopped this answer.').waitFor()
    t.equal(await answers.count(), 1, 'there is one answer')
    t.match(await answers.innerText(), /^As far as here/, 'with what had been said')
    t.ok(await page.getByRole('button', { name: 'Send' }).isVisible(), 'the next message may be sent')
    await checked('stopped')
  })

  await t.test('a reload in the middle of an answer goes on with it', async (t) => {
    await begin()
    const { scene, open } = gated('The first half', ' and the second half.')
    scenes.on('Reload', scene)
    await send('Reload while you answer')
    await answers.getByText('The first half').waitFor()
    await page.reload()
    await answers.getByText('The first half').waitFor()
    t.ok(await page.getByRole('button', { name: 'Stop the answer' }).isVisible(), 'it is still being written')
    open()
    await answered('The first half and the second half.')
    t.equal(await answers.count(), 1, 'the answer is shown once')
    t.equal(await page.locator('.question').count(), 1, 'and so is the question')
  })

  await t.test('one goes from chat to chat, by the list and by the history of the browser', async (t) => {
    await begin()
    await send('One')
    await answered('You said: One')
    await page.getByRole('button', { name: 'New chat' }).click()
    await page.getByText('What can I help with?').waitFor()
    await send('Two')
    await answered('You said: Two')
    await page.getByRole('link', { name: 'One' }).click()
    await answered('You said: One')
    t.equal(await answers.count(), 1, 'each has its own messages')
    await page.goBack()
    await answered('You said: Two')
    t.same((await rows.allInnerTexts()).slice(0, 2), ['Two', 'One'], 'the newest is first')
  })

  await t.test('another demo user sees nothing of the first', async (t) => {
    await page.getByLabel('Demo user').selectOption('guest')
    await page.locator('.list-empty').getByText('will be listed').waitFor()
    t.equal(await rows.count(), 0, 'the list is empty')
    await send('I am somebody else')
    await answered('You said: I am somebody else')
    const { body } = await call('GET', '/api/guest/conversations', { user: 'guest' })
    t.equal(body.data[0].title, 'I am somebody else', 'the message is that user’s')
    await page.getByLabel('Demo user').selectOption('demo')
    await rows.getByText('Two').waitFor()
    t.equal(await rows.getByText('I am somebody else').count(), 0, 'and not the first one’s')
  })

  t.same(faults(), [], 'nothing failed in the page, and nothing left this machine')
  t.match(
    await (await fetch(`${url}/`)).text(),
    /<script type="module" src="page\//,
    'the page has its script in a file',
  )
})
