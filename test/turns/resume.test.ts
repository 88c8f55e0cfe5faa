import postgres from 'postgres'
import t, { type Test } from 'tap'
import { connect } from '../../src/db/connect.js'
import type { Database } from '../../src/db/database.js'
import { DatabaseUnavailable } from '../../src/db/errors.js'
import { testApp } from '../helpers/app.js'
import { until } from '../helpers/models.js'
import { done, scriptedModel, words } from '../helpers/scripted.js'
import { errorOf, type SeenFrame, textOf, turnOf, typesOf } from '../helpers/stream.js'

const chat = '/api/alice/chat'
const message = { message: 'hi' }
const key = { 'idempotency-key': 'one' }
const streamPath = (turnId: string): string => `/api/alice/turns/${turnId}/stream`
const says =
  (word: string) =>
  ({ event }: SeenFrame): boolean =>
    textOf([event]) === word

const superuser = (t: Test, url: string): postgres.Sql => {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  return sql
}

/** A database that is away when the test says so. */
const fickle = (t: Test, url: string) => {
  const db = connect({ url, max: 5, prepare: 'auto' })
  t.teardown(() => db.close())
  let isAway = false
  const refusal = () => Promise.reject(new DatabaseUnavailable(new Error('away')))
  const fickle: Database = {
    ...db,
    asUser: (userId, work) => (isAway ? refusal() : db.asUser(userId, work)),
    asLogin: (work) => (isAway ? refusal() : db.asLogin(work)),
    statement: (work) => (isAway ? refusal() : db.statement(work)),
  }
  return {
    db: fickle,
    away: (next: boolean) => {
      isAway = next
    },
  }
}

t.test(
  'Last-Event-ID in the middle of a running turn, on the instance that runs it and another',
  async (t) => {
    const { model, say } = scriptedModel()
    const one = await testApp(t, { model })
    const two = await testApp(t, { model, databaseUrl: one.databaseUrl })
    const first = await one.stream('POST', chat, { body: message })
    const { turn_id, conversation_id } = await turnOf(first)
    await say(words('one ', 'two ', 'three '))
    await first.until(says('three '))
    const id = first.frames.find(says('one '))?.id ?? ''
    const headers = { 'last-event-id': id }
    const paths = [streamPath(turn_id), `/api/alice/conversations/${conversation_id}/stream`]
    const backs = await Promise.all(
      [one, two].flatMap(({ stream }) => paths.map((path) => stream('GET', path, { headers }))),
    )
    for (const back of backs) await back.until(says('three '))
    await say([...words('four'), done])
    await first.all()
    const rest = first.frames.slice(first.frames.findIndex((frame) => frame.id === id) + 1)
    for (const [n, back] of backs.entries()) {
      t.equal(textOf(await back.all()), 'two three four', `stream ${n} goes on after the id`)
      t.same(back.frames, rest, `stream ${n} has the same frames under the same ids`)
    }
    for (const [instance, app] of Object.entries({ one, two })) {
      const folded = await app.stream('GET', streamPath(turn_id), { headers })
      const events = await folded.all()
      t.equal(typesOf(events)[0], 'start', `${instance}: an ended turn begins from the start`)
      t.equal(textOf(events), 'one two three four', `${instance}: an ended turn has the whole text`)
    }
  },
)

t.test('an id that is none is refused, and one of another attempt or from the future is not', async (t) => {
  const { model, say } = scriptedModel()
  const { stream, call } = await testApp(t, { model })
  const first = await stream('POST', chat, { body: message })
  const { turn_id, conversation_id } = await turnOf(first)
  for (const id of ['', '1', '1-', 'x-1', '0-1', '01-1', '1-1x', '1-12345678901', '1-1, 1-2', '-1-1']) {
    for (const path of [streamPath(turn_id), `/api/alice/conversations/${conversation_id}/stream`]) {
      const { status, body } = await call('GET', path, { headers: { 'last-event-id': id } })
      t.match(
        { status, body },
        { status: 422, body: { code: 'validation-failed', errors: [{ path: '/headers/last-event-id' }] } },
        id,
      )
    }
  }
  const ids = ['1-0', '2-1', '1-9999999999', '9999999999-9999999999']
  const others = await Promise.all(
    ids.map((id) => stream('GET', streamPath(turn_id), { headers: { 'last-event-id': id } })),
  )
  await say([...words('one'), done])
  for (const [n, other] of others.entries()) {
    t.equal(textOf(await other.all()), 'one', `${ids[n]}: the whole text is sent`)
    t.equal(typesOf(await other.all())[0], 'start', `${ids[n]}: the stream begins from the start`)
  }
})

t.test('an attempt that another one took over ends its streams with an error', async (t) => {
  const { model, say, runs } = scriptedModel()
  const first = await testApp(t, { model })
  const sql = superuser(t, first.superuserUrl)
  const { db, away } = fickle(t, first.databaseUrl)
  const options = { model, databaseUrl: first.databaseUrl }
  const one = await testApp(t, { ...options, db })
  const two = await testApp(t, options)
  const old = await one.stream('POST', chat, { body: message, headers: key })
  const { turn_id } = await turnOf(old)
  await say(words('old '))
  await until(async () => (await sql`select from colloquy.turn_events`).length > 0)
  const follower = await first.stream('GET', streamPath(turn_id))
  await follower.until(says('old '))

  // Its instance is not heard of any more, and a retry with the key begins the next attempt.
  away(true)
  await sql`update colloquy.turns set lease_until = now() - interval '1 second'`
  const next = await two.stream('POST', chat, { body: message, headers: key })
  t.equal((await turnOf(next)).turn_id, turn_id, 'the retry takes the turn over')
  t.equal(next.frames[0]?.id, '2-1', 'its ids are of the second attempt')
  t.equal(runs(), 2, 'the model is asked again')
  away(false)
  t.equal(errorOf(await follower.all()), 'turn-interrupted', 'a follower is told of the interruption')
  t.equal(errorOf(await old.all()), 'turn-interrupted', 'the first client is told of the interruption')
  t.equal(textOf(await old.all()), 'old ', 'the first client has the words of its own attempt only')

  await say(words('new '), 2)
  const id = follower.frames.at(-1)?.id ?? ''
  t.match(id, /^1-/, 'the id is of the old attempt')
  const backs = await Promise.all(
    [first, two].map(({ stream }) =>
      stream('GET', streamPath(turn_id), { headers: { 'last-event-id': id } }),
    ),
  )
  for (const [n, back] of backs.entries()) {
    await back.until(says('new '))
    const [type] = typesOf(back.frames.map(({ event }) => event))
    t.equal(type, 'start', `stream ${n}: an id of the old attempt begins anew`)
  }
  await say([...words('answer'), done], 2)
  for (const [n, answer] of [next, ...backs].entries()) {
    t.equal(textOf(await answer.all()), 'new answer', `stream ${n} has the words of the new attempt`)
  }
})

t.test('a conversation that is deleted ends the streams of its turn with an error', async (t) => {
  const { model, say } = scriptedModel()
  const one = await testApp(t, { model })
  const two = await testApp(t, { model, databaseUrl: one.databaseUrl })
  const first = await one.stream('POST', chat, { body: message })
  const { turn_id, conversation_id } = await turnOf(first)
  const follower = await two.stream('GET', streamPath(turn_id))
  await say(words('one '))
  await follower.until(says('one '))
  const deleted = await two.call('DELETE', `/api/alice/conversations/${conversation_id}`)
  t.equal(deleted.status, 204, 'the conversation is deleted')
  for (const [which, answer] of Object.entries({ first, follower })) {
    t.equal(errorOf(await answer.all()), 'turn-not-found', `${which} ends with an error`)
    t.equal(textOf(await answer.all()), 'one ', `${which} has what was said until then`)
  }
  const gone = await two.stream('GET', streamPath(turn_id))
  t.equal(gone.status, 404, 'the turn cannot be followed any more')
})

t.test('a key’s turn is streamed again as it is stored, whatever was accepted at first', async (t) => {
  const { stream, call } = await testApp(t)
  const first = await call('POST', chat, { body: message, headers: key })
  const again = await stream('POST', chat, { body: message, headers: key })
  t.equal(again.headers.get('idempotency-replayed'), 'true', 'the retry is marked as a replay')
  t.equal(textOf(await again.all()), first.body.response, 'the stored answer is streamed')
  t.equal((await turnOf(again)).turn_id, first.body.turn_id, 'the turn is the same')

  const streamed = await stream('POST', chat, { body: message, headers: { 'idempotency-key': 'two' } })
  t.equal(streamed.headers.get('idempotency-replayed'), null, 'a new key is not a replay')
  await streamed.all()
  const json = await call('POST', chat, { body: message, headers: { 'idempotency-key': 'two' } })
  t.equal(json.headers.get('idempotency-replayed'), 'true', 'a JSON retry is marked as a replay')
  t.match(json.body, { turn_id: (await turnOf(streamed)).turn_id, response: 'Echo: hi' }, 'it has the answer')
})

t.test('a stream attaches to a key’s running turn for as long as it takes; JSON does not', async (t) => {
  const { model, say } = scriptedModel()
  const limits = { busyWaitMs: 0 }
  const one = await testApp(t, { model, limits })
  const two = await testApp(t, { model, limits, databaseUrl: one.databaseUrl })
  const first = await one.stream('POST', chat, { body: message, headers: key })
  const attached = await Promise.all(
    [one, two].map(({ stream }) => stream('POST', chat, { body: message, headers: key })),
  )
  const json = await two.call('POST', chat, { body: message, headers: key })
  t.match(json, { status: 409, body: { code: 'idempotency-key-in-use' } }, 'a JSON retry is refused')
  await say([...words('one'), done])
  for (const [n, answer] of [first, ...attached].entries()) {
    t.equal(textOf(await answer.all()), 'one', `stream ${n} has the answer`)
  }
  t.equal(attached[0]?.headers.get('idempotency-replayed'), 'true', 'an attached one is a replay')
})

t.test('a refusal before the first byte is a problem with its status', async (t) => {
  const { model } = scriptedModel()
  const database = await testApp(t, { model })
  const { db, away } = fickle(t, database.databaseUrl)
  const { stream, call } = await testApp(t, {
    model,
    db,
    databaseUrl: database.databaseUrl,
    limits: { busyWaitMs: 0 },
    shutdownMs: 0,
  })
  const { turn_id, conversation_id } = await turnOf(
    await stream('POST', chat, { body: message, headers: key }),
  )
  const unknown = '019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e'
  const accept = { accept: 'text/event-stream' }
  const other = { message: 'other' }
  const send = (body: unknown, headers = {}) =>
    call('POST', chat, { body, headers: { ...accept, ...headers } })
  const get = (path: string) => call('GET', path, { headers: accept })
  const conversationStream = (id: string) => `/api/alice/conversations/${id}/stream`
  const refused: [status: number, code: string, answer: ReturnType<typeof call>][] = [
    [409, 'turn-in-progress', send({ ...other, conversation_id })],
    [404, 'conversation-not-found', send({ ...other, conversation_id: unknown })],
    [422, 'idempotency-key-mismatch', send(other, key)],
    [422, 'validation-failed', send({})],
    [404, 'turn-not-found', get(streamPath(unknown))],
    [404, 'conversation-not-found', get(conversationStream(unknown))],
  ]
  for (const [status, code, answer] of refused) {
    const { status: got, headers, body } = await answer
    const problem = [got, body.code, headers.get('content-type')?.split(';')[0]]
    t.same(problem, [status, code, 'application/problem+json'], `${status} ${code} is a problem`)
  }
  away(true)
  const elsewhere = '019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6f'
  const reads = { turn: get(streamPath(elsewhere)), conversation: get(conversationStream(conversation_id)) }
  for (const [what, answer] of Object.entries({ chat: send(other), ...reads })) {
    const { status, headers, body } = await answer
    const refusal = [status, body.code, headers.get('retry-after')]
    t.same(refusal, [503, 'database-unavailable', '1'], `${what}: the database is away, retry in a second`)
  }
  const here = await stream('GET', streamPath(turn_id))
  t.equal((await turnOf(here)).turn_id, turn_id, 'what runs here needs no database to be read')
  away(false)
})
