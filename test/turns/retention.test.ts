import postgres from 'postgres'
import t from 'tap'
import { keepPruned } from '../../src/turns/retention.js'
import { createTurnStore } from '../../src/turns/store/turn-store.js'
import { testApp } from '../helpers/app.js'
import { until } from '../helpers/models.js'

t.test('expired keys and notes of changes go by themselves, in batches, until the end', async (t) => {
  const { call, db, superuserUrl } = await testApp(t)
  for (const key of ['a', 'b', 'c', 'd', 'e']) {
    await call('POST', '/api/alice/chat', { body: { message: 'hi' }, headers: { 'idempotency-key': key } })
  }
  const sql = postgres(superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  await sql`update colloquy.idempotency_keys set created_at = now() - interval '25 hours'`
  for (const [user, hours] of [
    ['alice', 25],
    ['alice', 26],
    ['bob', 30],
    ['bob', 23],
  ] as const) {
    await sql`
      insert into colloquy.updates (user_id, at, conversation_id, type)
      values (${user}, now() - ${hours} * interval '1 hour', gen_random_uuid(), 'conversation-updated')`
  }
  const end = new AbortController()
  const warnings: object[] = []
  const log = { warn: (fields: object) => warnings.push(fields) }
  const pruning = keepPruned({ store: createTurnStore(db), log, everyMs: 10, batch: 2 }, end.signal)
  await until(async () => (await sql`select from colloquy.idempotency_keys`).length === 0)
  await until(async () => (await sql`select from colloquy.updates`).length === 1)
  end.abort()
  await pruning
  t.same(warnings, [], 'no batch fails')
  t.equal((await sql`select from colloquy.messages`).length, 10, 'nothing else goes')
})

t.test('what cannot be pruned does not keep the other from it', async (t) => {
  const end = new AbortController()
  const warnings: string[] = []
  const store = {
    pruneIdempotencyKeys: async () => Promise.reject(new Error('too slow')),
    pruneUpdates: async () => {
      end.abort()
      return 0
    },
  }
  const log = { warn: (_: object, text: string) => warnings.push(text) }
  await Promise.race([keepPruned({ store, log, everyMs: 1 }, end.signal), until(() => warnings.length > 3)])
  t.ok(end.signal.aborted, 'notes are pruned, though keys are not')
  end.abort()
  t.same(warnings, ['expired Idempotency-Keys could not be deleted'], 'and the warning names what failed')
})
