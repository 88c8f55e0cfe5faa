import postgres from 'postgres'
import t from 'tap'
import type { Model } from '../../src/models/model.js'
import { turnOf } from '../helpers/stream.js'
import { until } from '../helpers/wait.js'
import { measuredApp } from './scrape.js'

const usage = {
  input_tokens: 1,
  output_tokens: 1,
  cached_input_tokens: 0,
  reasoning_tokens: 0,
  total_tokens: 2,
}

/** Answers the first message when it is cancelled, and not before. */
const model: Model = {
  name: 'patient',
  async *run({ message, signal }) {
    yield { type: 'text-delta', delta: 'Well' }
    if (message === 'First')
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    yield { type: 'finish', usage }
  },
}

t.test('each waiting line is seen while something waits in it', async (t) => {
  const app = await measuredApp(t, { models: ['patient'] }, { model, limits: { busyWaitMs: 60_000 } })
  const rises = (name: string, labels: Record<string, string>, count: number) =>
    until(
      async () => ((await app.scrape()).value(`colloquy_${name}`, labels) ?? 0) >= count,
      `${name} to be ${count}`,
    )
  const lines = {
    waiting_messages: {},
    batch_waiting_entries: { kind: 'begin' },
    database_waiting_requests: {},
  }
  for (const [name, labels] of Object.entries(lines))
    t.equal((await app.scrape()).value(`colloquy_${name}`, labels), 0, `${name}: nothing waits at first`)

  const stream = await app.stream('POST', '/api/alice/chat/stream', { body: { message: 'First' } })
  const { turn_id, conversation_id } = await turnOf(stream)
  const second = app.call('POST', '/api/alice/chat', { body: { conversation_id, message: 'Second' } })
  await rises('waiting_messages', {}, 1)

  const sql = postgres(app.superuserUrl, { max: 1 })
  t.teardown(() => sql.end())
  const others: ReturnType<typeof app.call>[] = []
  await sql.begin(async (sql) => {
    await sql`lock table colloquy.conversations in access exclusive mode`
    for (let n = 0; n < 3; n += 1)
      others.push(app.call('POST', '/api/bob/chat', { user: 'bob', body: { message: 'Hi' } }))
    // One batch is under way; what came after it waits for the next one.
    await rises('batch_waiting_entries', { kind: 'begin' }, 1)
    for (let n = 0; n < 10; n += 1) others.push(app.call('GET', '/api/carl/conversations', { user: 'carl' }))
    // The pool has five connections.
    await rises('database_waiting_requests', {}, 5)
  })
  await app.call('POST', `/api/alice/turns/${turn_id}/cancel`)
  await stream.all()
  const statuses = (await Promise.all([second, ...others])).map(({ status }) => status)
  t.same(statuses, Array(14).fill(200), 'all that waited is answered')
})
