import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { connect } from '../../src/db/connect.js'
import type { Database } from '../../src/db/database.js'
import type { Model } from '../../src/models/model.js'
import { type TestApp, testApp, tokenOf } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { gatedModel } from '../helpers/models.js'
import { until } from '../helpers/wait.js'

const chat = '/api/alice/chat'

/** Says a word and then does what the message asks for: `fail`, `hang`, `throw` or nothing else. */
const model: Model = {
  name: 'obedient',
  async *run({ message, signal }) {
    yield { type: 'text-delta', delta: 'a word' }
    if (message === 'fail') throw new Error('as asked')
    if (message === 'hang') {
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
    yield {
      type: 'finish',
      usage: {
        input_tokens: 1,
        output_tokens: 1,
        cached_input_tokens: 0,
        reasoning_tokens: 0,
        total_tokens: 2,
      },
    }
  },
}

/** However a turn ends; the conversation's next message finds it free at once. */
const ends: Record<string, (app: TestApp, conversation_id: string) => Promise<unknown>> = {
  'it completes': (app, conversation_id) => app.chat('hi', { conversation_id }),
  'its model fails': (app, conversation_id) =>
    app.call('POST', chat, { body: { message: 'fail', conversation_id } }),
  'its time is over': (app, conversation_id) =>
    app.call('POST', chat, { body: { message: 'hang', conversation_id } }),
  'it is cancelled': async (app, conversation_id) => {
    const sent = app.call('POST', chat, { body: { message: 'hang', conversation_id } })
    const path = `/api/alice/conversations/${conversation_id}`
    let turn: string | null = null
    await until(async () => {
      turn = (await app.call('GET', path)).body.running_turn_id
      return turn !== null
    }, 'the turn to run')
    await app.call('POST', `/api/alice/turns/${turn}/cancel`)
    return sent
  },
  'its client leaves, and its time is over': async (app, conversation_id) => {
    const leaving = new AbortController()
    const sent = fetch(`${app.url}${chat}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokenOf('alice')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ message: 'hang', conversation_id }),
      signal: leaving.signal,
    }).catch(() => {})
    const running = async () =>
      (await app.call('GET', `/api/alice/conversations/${conversation_id}`)).body.running_turn_id
    await until(async () => (await running()) !== null, 'the turn to run')
    leaving.abort()
    await sent
    await until(async () => (await running()) === null, 'the turn to end')
  },
}

t.test('a turn gives its conversation and its connection back', async (t) => {
  const { url } = await testDatabase(t)
  // No wait: what was not given back is a refusal. One connection: what holds it holds everybody.
  const db = connect({ url, max: 1, prepare: 'auto' })
  const app = await testApp(t, { model, db, limits: { busyWaitMs: 0, turnTimeoutMs: 700 } })
  for (const [how, end] of Object.entries(ends)) {
    const { conversation_id } = await app.chat('first')
    for (const round of ['once', 'again']) {
      await end(app, conversation_id)
      const next = await app.call('POST', chat, { body: { message: 'next', conversation_id } })
      t.equal(next.status, 200, `${how} ${round}`)
    }
    const { data } = (await app.call('GET', `/api/alice/conversations/${conversation_id}/messages`)).body
    t.same(
      data.map(({ position }: { position: number }) => position),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      `${how}: nothing is missing`,
    )
  }
})

/** A database that counts the statements of turns: begins, ends and ticks. */
const counting = (t: Test, url: string) => {
  const db = connect({ url, max: 2, prepare: 'auto' })
  t.teardown(() => db.close())
  let statements = 0
  const counted: Database = {
    ...db,
    statement(...args) {
      statements += 1
      return db.statement(...args)
    },
  }
  return { db: counted, statements: () => statements }
}

/** Long enough for some ticks. */
const someTicksMs = 500

t.test('a turn that has ended is not kept alive any more', async (t) => {
  const { url } = await testDatabase(t)
  const { db, statements } = counting(t, url)
  const app = await testApp(t, { model, db, limits: { turnTimeoutMs: 700 } })
  for (const message of ['hang', 'fail', 'hi']) {
    await app.call('POST', chat, { body: { message } })
    const before = statements()
    await sleep(someTicksMs)
    t.equal(statements(), before, `${message}: the database is not asked again`)
  }
})

t.test('a turn elsewhere is not followed any more for a retry that has given up', async (t) => {
  const gated = gatedModel()
  const one = await testApp(t, { model: gated.model })
  const { db, statements } = counting(t, one.databaseUrl)
  const two = await testApp(t, { model, db, databaseUrl: one.databaseUrl, limits: { busyWaitMs: 300 } })
  const keyed = { body: { message: 'once' }, headers: { 'idempotency-key': '"k"' } }
  const first = one.call('POST', chat, keyed)
  await until(() => gated.working() === 1, 'the turn to run')
  const refused = await two.call('POST', chat, keyed)
  t.match(refused, { status: 409, body: { code: 'idempotency-key-in-use' } }, 'the retry gives up')
  const before = statements()
  await sleep(someTicksMs)
  t.equal(statements(), before, 'the database is not asked for it')
  gated.open()
  t.equal((await first).status, 200, 'the turn goes on')
})

t.test('those who gave up waiting hold no place in the line', async (t) => {
  const gated = gatedModel()
  const app = await testApp(t, { model: gated.model, limits: { busyWaitMs: 500 } })
  const first = app.chat('first')
  await until(() => gated.working() === 1)
  const { id: conversation_id } = (await app.call('GET', '/api/alice/conversations')).body.data[0]
  const message = (text: string) => ({ message: text, conversation_id })
  const leaving = new AbortController()
  const left = fetch(`${app.url}${chat}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokenOf('alice')}`, 'content-type': 'application/json' },
    body: JSON.stringify(message('left')),
    signal: leaving.signal,
  }).catch(() => {})
  const late = await Promise.all([1, 2, 3].map((i) => app.call('POST', chat, { body: message(`late ${i}`) })))
  leaving.abort()
  await left
  t.same(
    late.map(({ status, body }) => [status, body.code]),
    Array.from({ length: 3 }, () => [409, 'turn-in-progress']),
    'those who waited too long are refused',
  )
  gated.open()
  await first
  // Every place that is still held would cost one of them its wait.
  const answers = await Promise.all(
    [1, 2, 3].map((i) => app.call('POST', chat, { body: message(`next ${i}`) })),
  )
  t.same(
    answers.map(({ status }) => status),
    [200, 200, 200],
    'those who come later are all answered',
  )
  t.same(
    gated.asked.filter((text) => text.startsWith('late')),
    [],
    'a message that was refused is never run',
  )
})
