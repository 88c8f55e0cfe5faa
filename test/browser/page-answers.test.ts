import t from 'tap'
import { assistant } from '../helpers/assistants.js'
import { openChatPage } from '../helpers/chat-page.js'
import { createGate, say, sceneModel, usage } from '../helpers/scenes.js'

const other = sceneModel('other/model')

t.test('answers on the chat page', async (t) => {
  const tutor = assistant({
    name: 'tutor',
    title: 'Tutor',
    description: 'Explains.',
    models: ['stage', 'other/model'],
  })
  const { page, scenes, begin, send, answered, checked, faults, call } = await openChatPage(t, {
    otherModels: [other.model],
    assistants: [tutor],
  })
  const answers = page.locator('.answer')
  const question = page.locator('.question')
  const newest = async () => {
    const { body } = await call('GET', '/api/demo/conversations', { user: 'demo' })
    return body.data[0]
  }

  await t.test('an edited message begins a branch, and one goes back to the old one', async (t) => {
    await begin()
    await send('First wording')
    await answered('You said: First wording')
    await question.hover()
    await page.getByRole('button', { name: 'Edit' }).click()
    await page.getByLabel('Edit your message').fill('Second wording')
    await page.getByLabel('Edit your message').press('Enter')
    await answered('You said: Second wording')
    t.equal(await question.count(), 1, 'the new message stands in the old one’s place')
    await question.getByText('2 of 2').waitFor()
    await checked('branches')
    await page.getByRole('button', { name: 'Previous version' }).first().click()
    await answered('You said: First wording')
    t.equal(await question.getByText('1 of 2').count(), 1, 'the old branch is shown')
    await page.reload()
    await answered('You said: First wording')
    t.equal(await answers.count(), 1, 'and is what is shown after a reload')
  })

  await t.test('another answer stands beside the first', async (t) => {
    await begin()
    let count = 0
    scenes.on('Again', () => {
      count += 1
      return say(`Answer number ${count}.`)
    })
    await send('Again and again')
    await answered('Answer number 1.')
    await page.getByRole('button', { name: 'Another answer' }).click()
    await answered('Answer number 2.')
    t.equal(await answers.count(), 1, 'one of the two is shown')
    await answers.getByText('2 of 2').waitFor()
    await page.getByRole('button', { name: 'Previous version' }).click()
    await answered('Answer number 1.')
  })

  await t.test('a failed answer says why, and is tried again', async (t) => {
    await begin()
    let fails = true
    scenes.on('Fail', async function* () {
      if (fails) throw new Error('no luck')
      yield* say('Now it works.')
    })
    await send('Fail once')
    await page.getByText('Something went wrong').waitFor()
    await checked('failed')
    fails = false
    await page.getByRole('button', { name: 'Try again' }).click()
    await answered('Now it works.')
    t.equal(await question.count(), 1, 'the message is there once')
    t.equal(await page.getByText('Something went wrong').count(), 0, 'nothing is wrong any more')
  })

  await t.test('reasoning and tool calls are shown as they run, and fold', async (t) => {
    await begin()
    const { gate, open } = createGate()
    scenes.on('Weather', async function* () {
      yield { type: 'reasoning-delta', delta: 'I have to look it up.' }
      yield { type: 'tool-call', id: 'c1', name: 'weather', arguments: { city: 'Basel' } }
      await gate
      yield { type: 'tool-result', id: 'c1', result: { celsius: 12 }, duration_ms: 340 }
      yield* say('It is 12 degrees.')
    })
    await send('Weather in Basel?')
    await page.getByText('weather is running').waitFor()
    await checked('tool-running')
    open()
    await answered('It is 12 degrees.')
    const tool = page.locator('.tool')
    t.equal(await tool.getAttribute('open'), null, 'a tool call is folded')
    await tool.locator('summary').click()
    const unfolded = await tool.innerText()
    t.match(unfolded, /weather is done\s+0\.3 sec/, 'its line says what became of it')
    t.match(unfolded, /"city": "Basel".*"celsius": 12/s, 'and below is what went in and came out')
    await checked('tool-unfolded')
  })

  await t.test('a model and an assistant are chosen', async (t) => {
    await begin()
    other.on('Who', () => say('The other one.'))
    await page.getByLabel('Assistant').selectOption('Tutor')
    await page.getByText('Explains.').waitFor()
    await checked('assistant')
    await page.getByLabel('Model').selectOption('other/model')
    await send('Who are you?')
    await answered('The other one.')
    t.match(await newest(), { assistant: 'tutor' }, 'the conversation is led by the assistant')
    t.equal(await page.locator('.assistant-name').innerText(), 'Tutor', 'which is named')
  })

  await t.test('an answer gets a thumb, and a word about it', async (t) => {
    await begin()
    await send('Rate me')
    await answered('You said: Rate me')
    const down = page.getByRole('button', { name: 'Bad answer' })
    await down.click()
    await page.getByLabel('What was wrong').fill('Too short.')
    await page.getByLabel('What was wrong').press('Enter')
    await page.locator('.comment', { hasText: 'Too short.' }).waitFor()
    const { id } = await newest()
    const { body } = await call('GET', `/api/demo/conversations/${id}/messages`, { user: 'demo' })
    t.match(body.data[1].feedback, { rating: 'down', comment: 'Too short.' }, 'it is stored')
    await page.reload()
    await down.waitFor()
    t.equal(await down.getAttribute('aria-pressed'), 'true', 'and shown after a reload')
    await down.click()
    await page.locator('[aria-label="Bad answer"][aria-pressed="false"]').waitFor()
  })

  await t.test('what a conversation took, and what was used by day and model', async (t) => {
    await page.getByRole('button', { name: 'More about this conversation' }).click()
    await page.getByRole('menuitem', { name: 'Usage and cost' }).click()
    const line = page.locator('dialog .usage-line')
    await line.waitFor()
    await checked('costs')
    t.match(await line.innerText(), new RegExp(`1 turn.*${usage.total_tokens} tokens`), 'turns and tokens')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Usage and cost' }).last().click()
    await page.locator('dialog svg rect').first().waitFor()
    await checked('usage')
    await page.keyboard.press('Escape')
  })

  t.same(faults(), [], 'nothing failed in the page, and nothing left this machine')
})
