import t, { type Test } from 'tap'
import { echo } from '../../src/models/echo.js'
import type { Model } from '../../src/models/model.js'
import type { Assistant } from '../../src/turns/assistants.js'
import { type TestApp, testApp } from '../helpers/app.js'
import { assistant } from '../helpers/assistants.js'

const chat = '/api/alice/chat'
const conversations = '/api/alice/conversations'

/** A model that answers with what led it. */
const leading = (name: string): Model => ({
  ...echo(),
  name,
  run: (request) => echo().run({ ...request, message: `${request.system ?? 'nothing'}, ${request.message}` }),
})

const assistants: Assistant[] = [
  assistant({
    name: 'tutor',
    title: 'Tutor',
    description: 'Explains.',
    systemPrompt: 'Teach',
    models: ['b/y', 'b/z'],
  }),
  assistant({ name: 'open', systemPrompt: 'Help' }),
  assistant({ name: 'old', systemPrompt: 'Wait', isRetired: true }),
]
const options = {
  model: leading('echo'),
  otherModels: [leading('b/y'), leading('b/z')],
  systemPrompt: 'Be kind',
  assistants,
}

/** The same database, as an instance with these assistants serves it. */
const other = (t: Test, { databaseUrl }: TestApp, assistants: Assistant[]): Promise<TestApp> =>
  testApp(t, { ...options, databaseUrl, assistants })

const refused = (path: string, message: RegExp) => ({
  status: 422,
  body: { code: 'validation-failed', errors: [{ path, code: 'value', message }] },
})

t.test('assistants', async (t) => {
  const app = await testApp(t, options)
  const { call } = app
  const send = (body: object, headers = {}) => call('POST', chat, { body, headers })
  const assistantOf = async (id: string) => (await call('GET', `${conversations}/${id}`)).body.assistant

  await t.test('are listed without their prompts, and without those that are retired', async (t) => {
    const { body } = await call('GET', '/api/alice/assistants')
    const common = { is_default: false }
    t.same(
      body,
      {
        data: [
          { ...common, name: 'tutor', title: 'Tutor', description: 'Explains.', models: ['b/y', 'b/z'] },
          { ...common, name: 'open', title: 'open', description: null, models: ['echo', 'b/y', 'b/z'] },
        ],
        next_cursor: null,
      },
      'in the order of the file, on one page',
    )
  })

  await t.test('lead every turn of the conversation that begins with them', async (t) => {
    const first = await send({ message: 'one', assistant: 'tutor' })
    t.match(first, { status: 200, body: { response: 'Echo: Teach, one', model: 'b/y' } }, 'the first')
    const { conversation_id, message_id } = first.body
    t.equal(await assistantOf(conversation_id), 'tutor', 'the conversation shows it')
    const next = await send({ message: 'two', conversation_id })
    t.match(next.body, { response: 'Echo: Teach, two', model: 'b/y' }, 'the next one')
    const named = await send({ message: 'three', conversation_id, assistant: 'tutor' })
    t.match(named.body, { response: 'Echo: Teach, three' }, 'one that names it')
    const again = await send({ regenerate: message_id, conversation_id })
    t.match(again.body, { response: 'Echo: Teach, one', model: 'b/y' }, 'another answer')
    const anew = await send({ message: 'four', conversation_id, parent_id: null })
    t.match(anew.body, { response: 'Echo: Teach, four' }, 'a new beginning of the conversation')
    const fork = await call('POST', `${conversations}/${conversation_id}/fork`, { body: { message_id } })
    t.match(fork, { status: 201, body: { assistant: 'tutor' } }, 'a fork has it')
    const forked = await send({ message: 'five', conversation_id: fork.body.id })
    t.match(forked.body, { response: 'Echo: Teach, five' }, 'and is led by it')
    const { body } = await call('GET', conversations)
    t.same(
      new Set(body.data.map(({ assistant }: { assistant: string }) => assistant)),
      new Set(['tutor']),
      'lists have it',
    )
  })

  await t.test('may be chosen for an empty conversation', async (t) => {
    const made = await call('POST', conversations, { body: { assistant: 'open' } })
    t.match(made, { status: 201, body: { assistant: 'open' } }, 'it is made with it')
    const sent = await send({ message: 'hi', conversation_id: made.body.id })
    t.match(
      sent.body,
      { response: 'Echo: Help, hi', model: 'echo' },
      'its turns are led by it, on the default model',
    )
    const without = await call('POST', conversations, { body: {} })
    t.equal(without.body.assistant, null, 'one without has none')
  })

  await t.test('are none unless they are asked for', async (t) => {
    const { body } = await send({ message: 'hi' })
    t.match(body, { response: 'Echo: Be kind, hi', model: 'echo' }, 'the general prompt leads')
    t.equal(await assistantOf(body.conversation_id), null, 'the conversation has none')
    const late = await send({ message: 'hi', conversation_id: body.conversation_id, assistant: 'tutor' })
    t.match(late, refused('/body/assistant', /conversation's own/), 'and gets none later')
  })

  await t.test('that are not there, not to be chosen, or not the conversation’s are refused', async (t) => {
    for (const name of ['nobody', 'old', 'Tutor', 'constructor', '__proto__']) {
      const expected = refused('/body/assistant', /must be one of tutor, open/)
      t.match(await send({ message: 'hi', assistant: name }), expected, `${name} by createTurn`)
      t.match(
        await call('POST', conversations, { body: { assistant: name } }),
        expected,
        `${name} by createConversation`,
      )
    }
    const { conversation_id } = (await send({ message: 'hi', assistant: 'tutor' })).body
    const changed = await send({ message: 'hi', conversation_id, assistant: 'open' })
    t.match(changed, refused('/body/assistant', /conversation's own/), 'it cannot be changed')
    t.equal((await send({ message: 'hi', assistant: null })).status, 422, 'null is none of them')
    t.equal(
      (await call('GET', `${conversations}/${conversation_id}`)).body.message_count,
      2,
      'nothing was written',
    )
  })

  await t.test('allow models', async (t) => {
    const { body } = await send({ message: 'hi', assistant: 'tutor', model: 'b/z' })
    t.match(body, { model: 'b/z', response: /Teach/ }, 'the one that the message asks for answers')
    const { conversation_id } = body
    t.match((await send({ message: 'hi', conversation_id })).body, { model: 'b/y' }, 'else the first again')
    const next = await send({ message: 'hi', conversation_id, model: 'b/z' })
    t.match(next.body, { model: 'b/z' }, 'and in a later message, too')
    const expected = refused('/body/model', /must be one of b\/y, b\/z/)
    t.match(await send({ message: 'hi', assistant: 'tutor', model: 'echo' }), expected, 'none but its own')
    t.match(await send({ message: 'hi', conversation_id, model: 'echo' }), expected, 'nor in a later message')
    t.match(
      await send({ message: 'hi', assistant: 'open', model: 'b/y' }),
      { body: { model: 'b/y' } },
      'without own, all',
    )
  })

  await t.test('belong to what a key is for', async (t) => {
    const headers = { 'idempotency-key': 'one' }
    const first = await send({ message: 'hi', assistant: 'tutor' }, headers)
    const again = await send({ message: 'hi', assistant: 'tutor' }, headers)
    t.equal(again.body.turn_id, first.body.turn_id, 'the same request is the same turn')
    for (const body of [{ message: 'hi' }, { message: 'hi', assistant: 'open' }]) {
      const sent = await send(body, headers)
      t.match(sent, { status: 422, body: { code: 'idempotency-key-mismatch' } }, 'another one is refused')
    }
  })

  await t.test('lead what is tried again, on any instance', async (t) => {
    const failing: Model = {
      ...echo(),
      name: 'b/y',
      run() {
        throw new Error('no')
      },
    }
    const { databaseUrl } = app
    const first = await testApp(t, { ...options, databaseUrl, otherModels: [failing, leading('b/z')] })
    const changed = [assistant({ name: 'tutor', systemPrompt: 'Now', models: ['b/z', 'b/y'] })]
    const later = await testApp(t, { ...options, databaseUrl, assistants: changed })
    const lacking = await testApp(t, { ...options, databaseUrl, assistants: [] })
    const { conversation_id } = (await send({ message: 'hi', assistant: 'tutor' })).body
    for (const [n, body] of [
      { message: 'new', assistant: 'tutor' },
      { message: 'on', conversation_id },
    ].entries()) {
      const at = ({ call }: TestApp) =>
        call('POST', chat, { body, headers: { 'idempotency-key': `again-${n}` } })
      const failed = await at(first)
      t.equal(failed.status, 502, 'it fails')
      const refused = await at(lacking)
      t.match(
        refused.body.code,
        n === 0 ? 'validation-failed' : 'assistant-unavailable',
        'it is not tried without it',
      )
      const { turn_id } = failed.body
      const again = await at(later)
      const response = `Echo: Now, ${body.message}`
      t.match(
        again.body,
        { turn_id, response, model: 'b/y' },
        'it has today’s prompt, and the model that it began with',
      )
      const replayed = await at(lacking)
      t.equal(
        replayed.status,
        n === 0 ? 422 : 200,
        'an answer that is there is given without the assistant, too',
      )
    }
  })

  await t.test('are known to instances that lack them', async (t) => {
    const { conversation_id } = (await send({ message: 'hi', assistant: 'tutor' })).body
    const plain = (await send({ message: 'hi' })).body.conversation_id
    for (const [name, assistants] of Object.entries({
      'no assistants': [],
      others: [assistant({ name: 'new' })],
    })) {
      const lacking = await other(t, app, assistants)
      const into = (id: string, headers = {}) =>
        lacking.call('POST', chat, { body: { message: 'go on', conversation_id: id }, headers })
      const key = { 'idempotency-key': `at-${name.length}` }
      const sent = await into(conversation_id, key)
      t.match(
        sent,
        { status: 503, body: { code: 'assistant-unavailable' } },
        `with ${name} it is not answered`,
      )
      t.ok(sent.headers.get('retry-after'), 'but may be tried again')
      t.equal((await into(plain)).status, 200, 'other conversations go on')
      t.equal(
        (await lacking.call('GET', `${conversations}/${conversation_id}/messages`)).status,
        200,
        'it is read',
      )
      const back = await send({ message: 'go on', conversation_id }, key)
      t.match(
        back,
        { status: 200, body: { response: 'Echo: Teach, go on' } },
        'an instance that has it answers that key',
      )
    }
    const retired = await other(t, app, [
      assistant({ name: 'tutor', systemPrompt: 'Still', isRetired: true }),
    ])
    const on = await retired.call('POST', chat, { body: { message: 'on', conversation_id } })
    t.match(on.body, { response: 'Echo: Still, on' }, 'a retired one goes on')
  })

  await t.test('go with an export', async (t) => {
    const { body } = await send({ message: 'hi', assistant: 'tutor' }, {})
    const mine = await send({ message: 'hi', assistant: 'open' })
    const { text } = await call('GET', '/api/alice/export')
    const alone = await call('GET', `${conversations}/${body.conversation_id}/export?format=json`)
    t.equal(alone.body.conversation.assistant, 'tutor', 'of a conversation')
    const lacking = await testApp(t, {
      ...options,
      assistants: assistants.filter(({ name }) => name !== 'open'),
    })
    const headers = { 'content-type': 'application/x-ndjson' }
    t.equal(
      (await lacking.call('POST', '/api/alice/import', { body: text, headers })).status,
      200,
      'it is taken in',
    )
    const got = async (id: string) => (await lacking.call('GET', `${conversations}/${id}`)).body.assistant
    t.equal(await got(body.conversation_id), 'tutor', 'with the assistant')
    t.equal(await got(mine.body.conversation_id), null, 'and without one that is not there')
    const on = { message: 'on', conversation_id: body.conversation_id }
    const sent = await lacking.call('POST', chat, { body: on })
    t.match(sent.body, { response: 'Echo: Teach, on' }, 'the conversation goes on with it')
  })

  await t.test('may be the default', async (t) => {
    const usual = await other(t, app, [
      ...assistants,
      assistant({ name: 'usual', systemPrompt: 'As ever', isDefault: true }),
    ])
    const { body } = await usual.call('POST', chat, { body: { message: 'hi' } })
    t.equal(body.response, 'Echo: As ever, hi', 'a new conversation has it')
    t.equal(await assistantOf(body.conversation_id), 'usual', 'and keeps it')
    t.equal(
      (await usual.call('POST', conversations, { body: {} })).body.assistant,
      'usual',
      'an empty one, too',
    )
    const { data } = (await usual.call('GET', '/api/alice/assistants')).body
    t.match(data[0], { name: 'usual', is_default: true }, 'it is the first of the list')
    const plain = (await send({ message: 'hi' })).body.conversation_id
    const old = await usual.call('POST', chat, { body: { message: 'on', conversation_id: plain } })
    t.equal(old.body.response, 'Echo: Be kind, on', 'a conversation that has none stays without')
  })
})
