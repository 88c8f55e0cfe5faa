import postgres, { type Sql } from 'postgres'
import t, { type Test } from 'tap'
import { echo } from '../../src/models/echo.js'
import { type Json, testApp } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { gatedModel, until } from '../helpers/models.js'

const id = (n: number): string => `019a0c4e-7b7a-7c11-8f0e-${n.toString(16).padStart(12, '0')}`

/** An entry of begin_turns whose ids are those of `n`. */
const entry = (n: number, conversation: number, key?: string) => ({
  ...{ user_id: 'alice', conversation_id: id(conversation), is_new: n === conversation },
  ...{ turn_id: id(n + 1), user_message_id: id(n + 2), message_id: id(n + 3), message: 'hi', title: 'hi' },
  ...{ model: 'echo', lease_ms: 60_000, history_messages: 40, history_tokens: 16_000 },
  ...(key && {
    key_hash: Buffer.from(key).toString('hex'),
    fingerprint: Buffer.from(`${n}`).toString('hex'),
  }),
})
const begin = async (sql: Sql, mayWait: boolean, ...entries: object[]): Promise<string[]> => {
  const rows = await sql<{ outcome: string }[]>`
    select outcome from colloquy.begin_turns(p_entries => ${sql.typed(entries as never, 114)}, p_may_wait => ${mayWait})
    order by entry`
  return rows.map(({ outcome }) => outcome)
}
const end = (sql: Sql, n: number) => {
  const turn = { user_id: 'alice', turn_id: id(n + 1), attempt: 1, model: 'echo', status: 'completed' }
  const answer = { content: 'a', tool_calls: [], window_tokens: 1, has_events: false }
  return sql`
    select from colloquy.end_turns(p_entries => ${sql.typed([{ ...turn, ...answer }] as never, 114)}, p_may_wait => true)`
}
const connections = async (t: Test, max: number): Promise<Sql> => {
  const { directUrl } = await testDatabase(t)
  const sql = postgres(directUrl, { max, onnotice: () => {} })
  t.teardown(() => sql.end())
  return sql
}
const untilWaiting = (sql: Sql, count: number) =>
  until(async () => {
    const [row] = await sql<{ n: number }[]>`
      select count(*)::int as n from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`
    return row?.n === count
  })

t.test('of those who wait for another to have begun and ended, one begins', async (t) => {
  const sql = await connections(t, 4)
  t.same(await begin(sql, true, entry(16, 16)), ['begun'], 'the first turn begins')
  const begins: Promise<string[]>[] = []
  await sql.begin(async (tx) => {
    await tx`select colloquy.act_as('alice')`
    await tx`select from colloquy.conversations where id = ${id(16)} for no key update`
    for (const n of [32, 48]) begins.push(begin(sql, true, entry(n, 16)))
    await untilWaiting(sql, 2)
    await end(tx as unknown as Sql, 16)
  })
  t.same((await Promise.all(begins)).flat().sort(), ['begun', 'busy'], 'only one begins')
})

t.test('a batch waits for no conversation, and says which of its entries it has left out', async (t) => {
  const sql = await connections(t, 2)
  t.same(await begin(sql, true, entry(16, 16)), ['begun'], 'the first turn begins')
  await end(sql, 16)
  await sql.begin(async (tx) => {
    await tx`select colloquy.act_as('alice')`
    await tx`select from colloquy.conversations where id = ${id(16)} for no key update`
    const outcomes = await begin(sql, false, entry(32, 16, 'k'), entry(48, 48), entry(64, 0))
    t.same(outcomes, ['locked', 'begun', 'not-found'], 'only the locked conversation is left out')
  })
  t.same(await begin(sql, true, entry(32, 16, 'k')), ['begun'], 'the key was not used up')
})

t.test('who waits for a conversation has no key that whoever has the conversation may want', async (t) => {
  const sql = await connections(t, 5)
  for (const n of [16, 32]) {
    t.same(await begin(sql, true, entry(n, n)), ['begun'], `turn ${n} begins`)
    await end(sql, n)
  }
  let batch: Promise<string[]> | undefined
  let alone: Promise<string[]> | undefined
  await sql.begin(async (tx) => {
    await begin(tx as unknown as Sql, true, entry(48, 32, 'k2'))
    // It has taken the conversation, and waits for the second key.
    batch = begin(sql, false, entry(64, 16, 'k1'), entry(80, 32, 'k2'), entry(96, 16, 'k3'))
    batch.catch(() => {})
    await untilWaiting(sql, 1)
    alone = begin(sql, true, entry(112, 16, 'k3'))
    alone.catch(() => {})
    await untilWaiting(sql, 2)
  })
  t.same(
    await Promise.allSettled([batch, alone]),
    [
      { status: 'fulfilled', value: ['begun', 'mismatch', 'busy'] },
      { status: 'fulfilled', value: ['busy'] },
    ],
    'neither waits for the other',
  )
})

t.test('many messages to one conversation at once, on two instances: one turn after the other', async (t) => {
  const one = await testApp(t)
  const two = await testApp(t, { databaseUrl: one.databaseUrl })
  const { conversation_id } = await one.chat('first')
  const send = ({ call }: typeof one, i: number) =>
    call('POST', '/api/alice/chat', { body: { conversation_id, message: `message ${i}` } })
  const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => send(i % 2 ? one : two, i)))
  const stored = answers.filter(({ status }) => status === 200)
  const refusal = { status: 409, body: { code: 'turn-in-progress' } }
  for (const [i, { status, body }] of answers.entries()) {
    if (status !== 200) t.match({ status, body }, refusal, `message ${i} is refused, as the turn runs`)
  }
  t.ok(stored.length > 0, 'some are answered')

  const messages: Json[] = []
  let query = '?limit=100'
  for (;;) {
    const { body } = await one.call('GET', `/api/alice/conversations/${conversation_id}/messages${query}`)
    messages.push(...body.data)
    if (body.next_cursor === null) break
    query = `?limit=100&cursor=${body.next_cursor}`
  }
  t.equal(messages.length, 2 * (stored.length + 1), 'what was acknowledged is stored, once')
  for (const [i, { position, role, content, turn_id }] of messages.entries()) {
    t.same([position, role], [i + 1, i % 2 ? 'assistant' : 'user'], `message ${i + 1} is in its place`)
    if (i % 2)
      t.same(
        [content, turn_id],
        [`Echo: ${messages[i - 1].content}`, messages[i - 1].turn_id],
        `message ${i + 1} answers ${i}`,
      )
  }
})

t.test('a message waits for the turn before it, and has it in its history', async (t) => {
  const gated = gatedModel()
  const one = await testApp(t, { model: gated.model })
  const two = await testApp(t, { model: gated.model, databaseUrl: one.databaseUrl })
  const first = one.chat('first')
  await until(() => gated.working() === 1)
  const { id: conversation_id } = (await one.call('GET', '/api/alice/conversations')).body.data[0]
  const later = [one, two, one].map((app, i) => app.chat(`later ${i}`, { conversation_id }))
  const other = one.chat('in another conversation')
  await until(() => gated.working() === 2)
  gated.open()
  t.equal((await first).conversation_id, conversation_id, 'the first is answered in its conversation')
  await other
  const answers = await Promise.all(later)
  t.equal(new Set(answers.map(({ turn_id }) => turn_id)).size, 3, 'each later message has a turn of its own')
  const { data } = (await one.call('GET', `/api/alice/conversations/${conversation_id}/messages`)).body
  t.same(
    data.map(({ role }: Json) => role),
    ['user', 'assistant', 'user', 'assistant', 'user', 'assistant', 'user', 'assistant'],
    'every question is followed by its answer',
  )
})

t.test('hundreds of waiters on one conversation do not keep others from being answered', async (t) => {
  const gated = gatedModel()
  const { chat, call } = await testApp(t, {
    model: {
      name: 'either',
      run: (request) => (/slow/.test(request.message) ? gated.model : echo()).run(request),
    },
    limits: { busyWaitMs: 1_500 },
  })
  const first = chat('slow')
  await until(() => gated.working() === 1)
  const { id: conversation_id } = (await call('GET', '/api/alice/conversations')).body.data[0]
  const waiters = Array.from({ length: 300 }, (_, i) =>
    call('POST', '/api/alice/chat', { body: { conversation_id, message: `slow ${i}` } }),
  )
  t.equal((await chat('quick', { user: 'bob' })).response, 'Echo: quick', 'another user is answered')
  t.equal((await call('GET', '/api/alice/conversations')).status, 200, 'reads are answered')
  const refused = await Promise.all(waiters)
  t.same(
    new Set(refused.map(({ status, body }) => `${status} ${body.code}`)),
    new Set(['409 turn-in-progress']),
    'every waiter is refused, as the turn runs',
  )
  t.equal(gated.most(), 1, 'one turn at a time')
  gated.open()
  await first
})
