import postgres from 'postgres'
import t from 'tap'
import type { Model } from '../../src/models/model.js'
import { ModelError } from '../../src/models/model-error.js'
import { createPrices } from '../../src/models/prices.js'
import { localTools, refusing } from '../helpers/local-tools.js'
import { until } from '../helpers/wait.js'
import { measuredApp, type Scrape } from './scrape.js'

const usage = {
  input_tokens: 10,
  output_tokens: 4,
  cached_input_tokens: 6,
  reasoning_tokens: 1,
  total_tokens: 14,
}

/** Does what its message says; `tools` calls each of them once. */
const model: Model = {
  name: 'acting',
  callsTools: true,
  async *run({ message, steps = [], signal }) {
    if (message === 'fail') throw new ModelError('model-overloaded', 'as asked')
    if (message === 'tools' && steps.length === 0) {
      for (const name of ['good', 'bad', 'late', 'unheard-of'])
        yield { type: 'tool-call', id: name, name, arguments: {} }
      yield { type: 'finish', usage, continuation: {} }
      return
    }
    yield { type: 'text-delta', delta: 'Well' }
    if (message === 'wait')
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    yield { type: 'finish', usage }
  },
}

const local = localTools({
  good: { work: () => 'done' },
  bad: { work: refusing('It is broken.') },
  late: { work: () => new Promise(() => {}) },
})
const tools = {
  ...local,
  open: async (user: string) =>
    (await local.open(user, new AbortController().signal)).map((tool) => ({ ...tool, server: 'todo' })),
}

t.test('what turns, tools, streams, batches, ticks and requests do is counted', async (t) => {
  const app = await measuredApp(
    t,
    { models: ['acting'], toolServers: ['todo'], currency: 'EUR' },
    {
      model,
      tools,
      prices: createPrices({ currency: 'EUR', models: { acting: { input: '1', output: '2' } } }),
      limits: { toolTimeoutMs: 50 },
    },
  )
  const path = '/api/alice/chat'
  const equal = (seen: Scrape, name: string, labels: Record<string, string>, value: number, what: string) =>
    t.equal(seen.value(`colloquy_${name}`, labels), value, what)

  await app.chat('hello')
  await app.call('POST', path, { body: { message: 'fail' } })
  await app.chat('tools')
  await app.call('POST', path, { body: { message: ' ' } })
  await app.call('GET', '/api/bob/conversations')
  await app.call('GET', '/none')

  const stream = await app.stream('POST', `${path}/stream`, { body: { message: 'wait' } })
  const frame = await stream.until(({ event }) => event !== '[DONE]' && event.type === 'data-turn')
  const turnId = (frame?.event as { data?: { turn_id: string } } | undefined)?.data?.turn_id
  const updates = await app.stream('GET', '/api/alice/updates')
  await until(
    async () => ((await app.scrape()).value('colloquy_tick_events_total', { kind: 'turns' }) ?? 0) > 0,
    'a tick',
  )
  const during = await app.scrape()
  equal(during, 'running_turns', {}, 1, 'the turn runs')
  equal(during, 'open_streams', { operation: 'streamNewTurn' }, 1, 'its stream is open')
  equal(during, 'open_streams', { operation: 'streamUpdates' }, 1, 'and one of updates')
  equal(during, 'waiting_messages', {}, 0, 'nobody waits')
  equal(during, 'database_connections_limit', {}, 5, 'the limit of the pool')
  t.ok((during.value('colloquy_database_connections') ?? 0) >= 1, 'connections are open')

  await app.call('POST', `/api/alice/turns/${turnId}/cancel`)
  await stream.all()
  await updates.leave()
  await until(async () => (await app.scrape()).value('colloquy_open_streams') === 0, 'the streams to close')
  const seen = await app.scrape()

  const turns = { model: 'acting', code: 'none' }
  equal(seen, 'turns_total', { ...turns, outcome: 'completed' }, 2, 'completed turns')
  equal(seen, 'turns_total', { ...turns, outcome: 'cancelled' }, 1, 'the cancelled one')
  equal(
    seen,
    'turns_total',
    { model: 'acting', outcome: 'failed', code: 'model-overloaded' },
    1,
    'the failed one, and why',
  )
  equal(seen, 'turns_total', {}, 4, 'and no other')
  equal(seen, 'turn_duration_seconds_count', {}, 4, 'each took its time')
  equal(seen, 'turn_first_token_seconds_count', {}, 3, 'the failed one had no first word')
  equal(seen, 'running_turns', {}, 0, 'none runs')

  // `hello` once, `tools` twice.
  const used = { model: 'acting', purpose: 'turn' }
  equal(seen, 'input_tokens_total', used, 30, 'the tokens sent')
  equal(seen, 'output_tokens_total', used, 12, 'the tokens answered')
  equal(seen, 'cached_input_tokens_total', used, 18, 'those of them in the cache')
  equal(seen, 'reasoning_tokens_total', used, 3, 'those of them for reasoning')
  t.equal(
    seen.value('colloquy_cost_total', { ...used, currency: 'EUR' })?.toFixed(6),
    '0.000054',
    'three answers, in whole currency',
  )

  const called = { server: 'todo' }
  equal(seen, 'tool_calls_total', { ...called, tool: 'good', outcome: 'ok' }, 1, 'a call that succeeded')
  equal(
    seen,
    'tool_calls_total',
    { ...called, tool: 'bad', outcome: 'error' },
    1,
    'one that the tool refused',
  )
  equal(
    seen,
    'tool_calls_total',
    { ...called, tool: 'late', outcome: 'timeout' },
    1,
    'one that took too long',
  )
  equal(
    seen,
    'tool_calls_total',
    { server: 'other', tool: 'other', outcome: 'not_called' },
    1,
    'an unknown tool',
  )
  equal(seen, 'tool_call_duration_seconds_count', {}, 3, 'those that were made took their time')

  const created = { operation: 'createTurn' }
  equal(
    seen,
    'http_requests_total',
    { ...created, status: '200', code: 'none' },
    2,
    'turns that were answered',
  )
  equal(seen, 'http_requests_total', { ...created, status: '503', code: 'model-overloaded' }, 1, 'a problem')
  equal(seen, 'http_requests_total', { ...created, status: '422', code: 'validation-failed' }, 1, 'a bad one')
  equal(
    seen,
    'http_requests_total',
    { operation: 'listConversations', status: '403', code: 'forbidden' },
    1,
    'somebody else’s',
  )
  equal(seen, 'http_requests_total', { operation: 'other', code: 'route-not-found' }, 1, 'an unknown path')
  equal(seen, 'http_requests_total', { operation: 'streamNewTurn', status: '200' }, 1, 'a stream')
  equal(seen, 'http_request_duration_seconds_count', created, 4, 'each took its time')

  equal(seen, 'batch_entries_sum', { kind: 'begin' }, 4, 'each turn began in a batch')
  equal(seen, 'batch_entries_sum', { kind: 'end' }, 4, 'and ended in one')
  equal(seen, 'batch_waiting_entries', {}, 0, 'none waits')
  t.ok((seen.value('colloquy_tick_entries_sum', { kind: 'turns' }) ?? 0) > 0, 'ticks had turns')
  equal(seen, 'tick_failures_total', {}, 0, 'no tick failed')
  equal(seen, 'leases_lost_total', {}, 0, 'no lease was lost')
  const trips = seen.value('colloquy_database_round_trips_total', { kind: 'turns' }) ?? 0
  t.ok(trips >= (seen.value('colloquy_batch_entries_count') ?? 0), 'a batch is a round trip')
  equal(seen, 'database_transaction_duration_seconds_count', { kind: 'turns' }, trips, 'and one transaction')
  equal(seen, 'database_unavailable_total', {}, 0, 'the database was there')
  t.ok(seen.value('process_cpu_seconds_total'), 'the process’s own are there, too')
})

t.test(
  'turns that were taken away, deleted or left behind, and an outage of the database, are counted',
  async (t) => {
    const app = await measuredApp(t, { models: ['acting'] }, { model })
    const sql = postgres(app.superuserUrl, { max: 1, onnotice: () => {} })
    t.teardown(() => sql.end())
    const wait = async () => {
      const stream = await app.stream('POST', '/api/alice/chat/stream', { body: { message: 'wait' } })
      const frame = await stream.until(({ event }) => event !== '[DONE]' && event.type === 'data-turn')
      const { data } = (frame?.event ?? {}) as { data?: { conversation_id: string } }
      return { stream, conversation_id: data?.conversation_id ?? '' }
    }
    const ended = (outcome: string) =>
      until(
        async () => (await app.scrape()).value('colloquy_turns_total', { outcome }) === 1,
        `a turn to be ${outcome}`,
      )

    const deleted = await wait()
    await app.call('DELETE', `/api/alice/conversations/${deleted.conversation_id}`)
    await ended('deleted')
    t.equal((await app.scrape()).value('colloquy_leases_lost_total'), 0, 'a deleted turn is no lost lease')

    const lost = await wait()
    // As if another instance had begun another attempt, and died.
    await sql`update colloquy.turns set attempt = attempt + 1, lease_until = now() - interval '1 minute' where status = 'running'`
    await ended('lost')
    await lost.stream.leave()
    t.equal((await app.scrape()).value('colloquy_leases_lost_total'), 1, 'one that runs elsewhere is')
    await app.chat('hello', { conversation_id: lost.conversation_id })
    t.equal((await app.scrape()).value('colloquy_leases_expired_total'), 1, 'that instance was not heard of')

    await app.db.close()
    await app.call('GET', '/api/alice/conversations')
    const seen = await app.scrape()
    t.equal(seen.value('colloquy_database_unavailable_total', { kind: 'user' }), 1, 'nothing can be read')
    t.equal(
      seen.value('colloquy_http_requests_total', { status: '503', code: 'database-unavailable' }),
      1,
      'and the request says so',
    )
  },
)
