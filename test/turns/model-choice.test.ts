import { createHash } from 'node:crypto'
import t from 'tap'
import { connect } from '../../src/db/connect.js'
import type { Model } from '../../src/models/model.js'
import { testApp } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { localTools } from '../helpers/local-tools.js'
import { modelSettings, providerApp, providerKey } from '../helpers/provider-app.js'
import { chatCompletions } from '../helpers/provider-wire.js'
import { events } from '../helpers/upstream.js'
import { countingProxy } from '../helpers/wire.js'

const chat = '/api/alice/chat'

/** Says its own name; fails when the message is "fail" and it is told to. */
const named = (name: string, isFailing = () => false): Model => ({
  name,
  async *run({ message }) {
    if (message === 'fail' && isFailing()) throw new Error('as asked')
    yield { type: 'text-delta', delta: `I am ${name}.` }
    yield {
      type: 'finish',
      usage: {
        input_tokens: null,
        output_tokens: null,
        cached_input_tokens: null,
        reasoning_tokens: null,
        total_tokens: null,
      },
    }
  },
})

t.test('a message may ask for a model that the operator allows, and for no other', async (t) => {
  const { call } = await testApp(t, { model: named('a'), otherModels: [named('b'), named('c/d')] })
  const ask = (model?: unknown) => call('POST', chat, { body: { message: 'hi', model } })
  for (const [model, answers] of [
    [undefined, 'a'],
    ['a', 'a'],
    ['b', 'b'],
    ['c/d', 'c/d'],
  ]) {
    const { status, body } = await ask(model)
    const answer = { response: `I am ${answers}.`, model: answers }
    t.match([status, body], [200, answer], `${model ?? 'no model'} is answered by ${answers}`)
    const turn = await call('GET', `/api/alice/turns/${body.turn_id}`)
    t.match(turn.body, { model: answers }, `${model ?? 'no model'}: the turn names ${answers}`)
  }
  for (const model of ['e', 'A', 'constructor', 'b ']) {
    const { status, body } = await ask(model)
    const errors = [{ path: '/body/model', message: 'must be one of a, b, c/d' }]
    t.match([status, body], [422, { code: 'validation-failed', errors }], model)
  }
  for (const model of ['', 7, null, 'x'.repeat(201)]) {
    t.match(
      await ask(model),
      { status: 422, body: { errors: [{ path: '/body/model' }] } },
      `${JSON.stringify(model).slice(0, 9)} is no name of a model`,
    )
  }
  t.equal(
    (await call('GET', '/api/alice/conversations')).body.data.length,
    4,
    'a refusal leaves nothing behind',
  )
})

t.test('the model is a part of what a key repeats, where it was given', async (t) => {
  const { call, db } = await testApp(t, { model: named('a'), otherModels: [named('b')] })
  const send = (key: string, body: object) =>
    call('POST', chat, { body: { message: 'hi', ...body }, headers: { 'idempotency-key': key } })
  const first = await send('one', { model: 'b' })
  const again = await send('one', { model: 'b' })
  t.same([again.status, again.body], [200, first.body], 'the same model is the same request')
  const mismatch = { status: 422, body: { code: 'idempotency-key-mismatch' } }
  for (const body of [{}, { model: 'a' }]) {
    t.match(await send('one', body), mismatch, `${JSON.stringify(body)} is another request`)
  }
  await send('two', {})
  t.match(await send('two', { model: 'a' }), mismatch, 'the default model by its name is another request')
  const keys = await db.asUser(
    'alice',
    (sql) => sql<{ fingerprint: Buffer }[]>`
    select fingerprint from colloquy.idempotency_keys where user_id = 'alice'`,
  )
  const before = createHash('sha256')
    .update(JSON.stringify([null, 'hi']))
    .digest('hex')
  const stored = keys.map(({ fingerprint }) => fingerprint.toString('hex'))
  t.ok(stored.includes(before), 'a request without one has the fingerprint that it always had')
})

t.test('a new attempt of a turn keeps its model, whoever answers otherwise by then', async (t) => {
  let isFailing = true
  const a = named('a', () => isFailing)
  const { url } = await testDatabase(t)
  const options = { databaseUrl: url }
  const body = { message: 'fail' }
  const headers = { 'idempotency-key': 'k' }
  const [before, without, after] = [
    await testApp(t, { ...options, model: a }),
    await testApp(t, { ...options, model: named('b') }),
    await testApp(t, { ...options, model: named('b'), otherModels: [a] }),
  ]
  const failed = await before.call('POST', chat, { body, headers })
  t.match(failed, { status: 502 }, 'the first attempt fails')
  const { turn_id } = failed.body
  const turn = async ({ call }: typeof before) => (await call('GET', `/api/alice/turns/${turn_id}`)).body

  const withdrawn = await without.call('POST', chat, { body, headers })
  t.match(withdrawn, { status: 502, body: { code: 'model-failed', turn_id } }, 'without its model it fails')
  t.match(await turn(without), { status: 'failed', model: 'a', attempt: 2 }, 'the turn keeps its model')

  isFailing = false
  const answered = await after.call('POST', chat, { body, headers })
  t.match(answered, { status: 200, body: { response: 'I am a.', model: 'a' } }, 'with its model it succeeds')
  t.match(await turn(after), { status: 'completed', model: 'a', attempt: 3 }, 'the turn keeps it to the end')
})

t.test('a turn through a provider, with a tool too, costs two round trips to the database', async (t) => {
  const { directUrl } = await testDatabase(t)
  const wire = await countingProxy(t, directUrl)
  const db = connect({ url: wire.url, max: 1, prepare: 'on' })
  const tools = localTools({ add: { work: () => 'added' } })
  const app = await providerApp(t, 'openai-compatible/m', modelSettings, { db, tools })
  const answer = events(...chatCompletions.answer('Hel', 'lo'))
  const call = events(...chatCompletions.calls(['a', 'add', '{}']))
  app.provider.answer((response, request) => {
    const { role, content } = request.body.messages.at(-1)
    return (role === 'user' && content === 'add' ? call : answer)(response, request)
  })
  const { conversation_id } = await app.chat('first')
  await app.chat('second', { conversation_id })
  const kinds = ['next', 'add'].flatMap((message) => [
    { kind: `${message}, new conversation`, message, options: {} },
    { kind: `${message}, same conversation`, message, options: { conversation_id } },
  ])
  let asked = 0
  for (const { kind, message, options } of kinds) {
    const trips: number[] = []
    // On a busy machine the answer may come after the first tick, which is a third.
    while (trips.length < 5 || (!trips.includes(2) && trips.length < 40)) {
      wire.reset()
      t.equal((await app.chat(message, options)).response, 'Hello', `${kind}: the turn is answered`)
      trips.push(wire.roundTrips())
    }
    if (message === 'add') asked += trips.length
    t.equal(Math.min(...trips), 2, `${kind}: two round trips`)
  }
  t.equal(tools.calls.length, asked, 'the tool is called in each turn that asks for it')
  t.equal(app.provider.requests[0]?.headers.authorization, `Bearer ${providerKey}`, 'the key is sent')
})
