import postgres from 'postgres'
import t from 'tap'
import { connect } from '../../src/db/connect.js'
import type { Model } from '../../src/models/model.js'
import { pruneIdempotencyKeys } from '../../src/turns/store/prune-idempotency-keys.js'
import { type Answer, type Json, type TestApp, testApp } from '../helpers/app.js'
import { gatedModel, until } from '../helpers/models.js'

const keyed = ({ call }: TestApp, key: string, body: object, user = 'alice'): Promise<Answer> =>
  call('POST', `/api/${user}/chat`, { user, body, headers: { 'idempotency-key': key } })
const conversations = async ({ call }: TestApp): Promise<Json[]> =>
  (await call('GET', '/api/alice/conversations')).body.data
const messages = async ({ call }: TestApp, id: string): Promise<Json[]> =>
  (await call('GET', `/api/alice/conversations/${id}/messages?limit=100`)).body.data
const replayed = ({ headers }: Answer) => headers.get('idempotency-replayed')

t.test('one key, one turn: a retry gets the stored answer, on any instance', async (t) => {
  const one = await testApp(t)
  const two = await testApp(t, { databaseUrl: one.databaseUrl })
  const first = await keyed(one, 'k1', { message: 'hi' })
  t.same([first.status, replayed(first)], [200, null], 'the first answer is not a replay')
  for (const [where, app] of Object.entries({ here: one, elsewhere: two, 'here again': one })) {
    const again = await keyed(app, '"k1"', { message: 'hi' })
    t.same([again.body, replayed(again)], [first.body, 'true'], `quoted or bare, the key is known ${where}`)
  }
  t.equal((await conversations(one)).length, 1, 'no second conversation')
  t.equal((await messages(one, first.body.conversation_id)).length, 2, 'no second message')

  const other = await keyed(one, 'k1', { message: 'hi' }, 'bob')
  t.not(other.body.turn_id, first.body.turn_id, 'a key belongs to its user')
})

t.test('the same key with another body is refused', async (t) => {
  const app = await testApp(t)
  const { body } = await keyed(app, 'k', { message: 'hi' })
  for (const other of [{ message: 'ho' }, { message: 'hi', conversation_id: body.conversation_id }]) {
    t.match(
      await keyed(app, 'k', other),
      { status: 422, body: { code: 'idempotency-key-mismatch' } },
      `with another ${Object.keys(other).at(-1)} the key is refused`,
    )
  }
  t.equal((await messages(app, body.conversation_id)).length, 2, 'the refused requests store nothing')
})

t.test('what a key may look like', async (t) => {
  const app = await testApp(t)
  const legal = ['a', 'a'.repeat(255), `"${'a'.repeat(255)}"`, '"with space"', '"\\" and \\\\"', '!#~,;=']
  for (const key of legal) t.equal((await keyed(app, key, { message: 'hi' })).status, 200, key.slice(0, 20))
  t.equal(replayed(await keyed(app, '"a"', { message: 'hi' })), 'true', 'a key is the same quoted and bare')
  const illegal = [
    '',
    '""',
    'a'.repeat(256),
    `"${'a'.repeat(256)}"`,
    'with space',
    '"open',
    'a"b"c é',
    '"a\\b"',
  ]
  for (const key of illegal) {
    const answer = await keyed(app, key, { message: 'hi' })
    t.match(
      answer,
      { status: 422, body: { code: 'validation-failed', errors: [{ path: /^\/headers/ }] } },
      key,
    )
  }
})

t.test('many at once with one key: one turn, and everyone gets its answer', async (t) => {
  const gated = gatedModel()
  const one = await testApp(t, { model: gated.model })
  const two = await testApp(t, { model: gated.model, databaseUrl: one.databaseUrl })
  const sends = Array.from({ length: 20 }, (_, i) => keyed(i % 2 ? one : two, 'k', { message: 'hi' }))
  await until(() => gated.working() === 1)
  gated.open()
  const answers = await Promise.all(sends)
  t.equal(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size, 1, 'all get one answer')
  t.equal(answers.filter((answer) => replayed(answer) === null).length, 1, 'all but one are replays')
  t.same(gated.asked, ['hi'], 'the model is asked once')
  t.equal((await conversations(one)).length, 1, 'there is one conversation')
})

t.test('past the bounded wait for the turn of its key: 409, and later the answer', async (t) => {
  const gated = gatedModel()
  const app = await testApp(t, { model: gated.model, limits: { busyWaitMs: 300 } })
  const first = keyed(app, 'k', { message: 'hi' })
  await until(() => gated.working() === 1)
  const early = await keyed(app, 'k', { message: 'hi' })
  t.match(
    early,
    { status: 409, body: { code: 'idempotency-key-in-use', turn_id: String } },
    'the wait is over',
  )
  t.equal(early.headers.get('retry-after'), '1', 'the client may retry in a second')
  gated.open()
  const { body } = await first
  t.equal(body.turn_id, early.body.turn_id, 'the 409 names the running turn')
  t.same((await keyed(app, 'k', { message: 'hi' })).body, body, 'a later retry gets the answer')
})

t.test('a failed turn is tried again: another attempt, no second message', async (t) => {
  let failures = 1
  const model: Model = {
    name: 'flaky',
    async *run({ message }) {
      yield { type: 'text-delta', delta: `re: ${message}` }
      failures -= 1
      if (failures >= 0) throw new Error('not yet')
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
  const app = await testApp(t, { model })
  const failed = await keyed(app, 'k', { message: 'hi' })
  t.match(failed, { status: 502, body: { code: 'model-failed' } }, 'the first attempt fails')
  const again = await keyed(app, 'k', { message: 'hi' })
  const { turn_id } = failed.body
  t.match(again, { status: 200, body: { turn_id, response: 're: hi' } }, 'the retry completes the same turn')
  t.equal(replayed(again), null, 'a new attempt is not a replay')
  t.match(
    (await app.call('GET', `/api/alice/turns/${turn_id}`)).body,
    {
      status: 'completed',
      attempt: 2,
      error: null,
    },
    'the turn has a second attempt and no error',
  )
  t.same(
    (await messages(app, again.body.conversation_id)).map(({ position, status }) => [position, status]),
    [
      [1, 'completed'],
      [2, 'completed'],
    ],
    'both messages are completed',
  )

  failures = 1
  const { conversation_id } = again.body
  const lost = await keyed(app, 'k2', { message: 'two', conversation_id })
  t.equal(lost.status, 502, 'the second turn fails')
  await keyed(app, 'k3', { message: 'three', conversation_id })
  const late = await keyed(app, 'k2', { message: 'two', conversation_id })
  t.match(late, { status: 502, body: { turn_id: lost.body.turn_id } }, 'it is not the last turn any more')
  t.equal((await messages(app, conversation_id)).length, 6, 'each turn has its two messages')
})

t.test('refusals are not stored', async (t) => {
  const app = await testApp(t)
  const unknown = { message: 'hi', conversation_id: '019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e' }
  t.equal((await keyed(app, 'k', { message: '' })).status, 422, 'an empty message is refused')
  t.equal((await keyed(app, 'k', unknown)).status, 404, 'an unknown conversation is refused')
  const taken = await keyed(app, 'k', { message: 'hi' })
  t.same([taken.status, replayed(taken)], [200, null], 'the key is still unused')
})

t.test('a key outlives its conversation: a retry is 404 and begins nothing', async (t) => {
  const app = await testApp(t)
  const { body } = await keyed(app, 'k', { message: 'hi' })
  await app.call('DELETE', `/api/alice/conversations/${body.conversation_id}`)
  const retry = await keyed(app, 'k', { message: 'hi' })
  t.match(retry, { status: 404, body: { code: 'conversation-not-found' } }, 'the retry is refused')
  t.same(await conversations(app), [], 'no conversation is made')
})

t.test('keys hold no text, are kept for 24 hours and then forgotten, a batch at a time', async (t) => {
  const app = await testApp(t)
  for (const key of ['a', 'b', 'c', 'd']) await keyed(app, key, { message: 'a secret message' })
  const sql = postgres(app.superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  const rows = () => sql`select * from colloquy.idempotency_keys`
  t.notMatch(JSON.stringify(await rows()), /secret/, 'no message text is stored with a key')
  const db = connect({ url: app.databaseUrl, max: 1, prepare: 'auto' })
  t.teardown(() => db.close())
  // What an instance does every ten minutes.
  const prune = (limit: number) => pruneIdempotencyKeys(db, limit)
  t.equal(await prune(10), 0, 'new keys stay')
  await sql`update colloquy.idempotency_keys set created_at = now() - interval '23 hours 59 minutes'`
  t.equal(await prune(10), 0, 'keys stay for 24 hours')
  await sql`
    update colloquy.idempotency_keys set created_at = now() - interval '25 hours'
    where key_hash <> sha256('a')`
  t.same([await prune(2), await prune(2), await prune(2)], [2, 1, 0], 'older keys are deleted in batches')
  t.equal((await rows()).length, 1, 'the younger key is still there')
})
