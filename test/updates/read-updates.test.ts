import postgres from 'postgres'
import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import type { Database } from '../../src/db/database.js'
import { createUpdates } from '../../src/updates/updates.js'
import { testApp } from '../helpers/app.js'
import { until } from '../helpers/models.js'
import { begin, newTurn } from '../helpers/turns.js'
import { updatesReader } from '../helpers/updates.js'

// What a user can make a read cost: those who are followed on an instance share a statement, which has a limit.
const app = await testApp(t)
const sql = postgres(app.superuserUrl, { max: 1, onnotice: () => {} })
t.teardown(() => sql.end())

interface Entry {
  user_id: string
  /** default: a minute ago */
  since?: Date
  is_open?: boolean
}

const entriesOf = (entries: Entry[]) =>
  entries.map((entry) => ({ since: new Date(Date.now() - 60_000), running: [], is_open: false, ...entry }))

/** The types of the rows of each entry. */
const read = async (...entries: Entry[]): Promise<string[][]> => {
  const rows = await sql<{ entry: number; type: string }[]>`
    select entry, type from colloquy.read_updates(p_entries => ${sql.json(entriesOf(entries) as never)}::json)`
  return entries.map((_, n) => rows.filter(({ entry }) => entry === n + 1).map(({ type }) => type))
}

/** Conversations with these times, in SQL, and every third one archived. */
const addConversations = (user: string, count: number, createdAt: string, lastTurnAt: string) => sql`
  insert into colloquy.conversations
    (user_id, id, archived, last_position, created_at, updated_at, last_turn_at)
  select ${user}, gen_random_uuid(), n % 3 = 0, 0, ${sql.unsafe(createdAt)}, now(), ${sql.unsafe(lastTurnAt)}
  from generate_series(1, ${count}) n`

t.test('an import brings no time that is yet to come', async (t) => {
  const id = uuidv7()
  const at = '2999-01-01T00:00:00.000Z'
  const conversation = { id, title: 'Later', archived: false, metadata: {}, created_at: at, last_turn_at: at }
  const message = {
    id: uuidv7(),
    parent_id: null,
    role: 'user',
    content: 'Hi',
    window_tokens: 1,
    created_at: at,
  }
  await sql`
    select colloquy.import_messages(
      p_user_id => 'alice', p_conversation => ${sql.json(conversation)}::json, p_messages => ${sql.json([message])}::json)`
  const times = await sql<{ at: Date }[]>`
    select unnest(array[c.created_at, c.last_turn_at, m.created_at]) as at
    from colloquy.conversations c
    join colloquy.messages m on m.user_id = c.user_id and m.conversation_id = c.id
    where c.user_id = 'alice'`
  t.equal(times.length, 3, 'it is taken')
  for (const { at } of times)
    t.ok(at.getTime() < Date.now() + 60_000, `${at.toISOString()}: not in the future`)
})

t.test(
  'a conversation that an import gave such times is read only after a turn, which is told',
  async (t) => {
    await addConversations('ben', 2, `'2999-01-01'`, `'2999-01-01'`)
    t.same(await read({ user_id: 'ben' }), [['epoch']], 'nothing is read of it')
    const [row] = await sql<
      [{ id: string }]
    >`select id from colloquy.conversations where user_id = 'ben' limit 1`
    await begin(app.db, newTurn({ userId: 'ben', conversationId: row.id }))
    t.same(
      await read({ user_id: 'ben' }),
      [['turn-started', 'running', 'epoch']],
      'the turn, and no creation',
    )
  },
)

t.test('of all that a user has only what is new is read', async (t) => {
  await addConversations('carl', 20_000, `now() - interval '1 year'`, `now() - n * interval '1 hour'`)
  const entries = entriesOf([{ user_id: 'carl' }])
  const blocksOf = async (): Promise<number> => {
    const [row] = await sql`
      explain (analyze, buffers, format json)
      select from colloquy.read_updates(p_entries => ${sql.json(entries as never)}::json)`
    const { Plan } = row?.['QUERY PLAN'][0] ?? {}
    return Plan['Shared Hit Blocks'] + Plan['Shared Read Blocks']
  }
  // The first one plans.
  await blocksOf()
  const blocks = await blocksOf()
  t.ok(blocks < 60, `${blocks} blocks are read, and the index has hundreds`)
})

t.test('what is too old to be told one by one is not read', async (t) => {
  await addConversations('dora', 3, `now() - interval '5 hours'`, `now() - interval '3 hours'`)
  await addConversations('dora', 1, `now()`, `now()`)
  await sql`
    insert into colloquy.updates (user_id, at, conversation_id, type)
    select 'dora', now() - interval '3 hours', gen_random_uuid(), 'conversation-updated'
    from generate_series(1, 2)`
  const since = (hours: number): Entry => ({
    ...{ user_id: 'dora', since: new Date(Date.now() - hours * 3_600_000), is_open: true },
  })
  const [within] = await read(since(22))
  t.equal(within?.filter((type) => type === 'conversation-updated').length, 2, 'within a day it is')
  t.same(await read(since(24)), [['overflow', 'epoch']], 'there is more than is told')
})

t.test('a read that takes long leaves the others for the next one', async (t) => {
  for (const user of ['eve', 'fay']) await app.call('POST', `/api/${user}/conversations`, { user, body: {} })
  const streams = await Promise.all(['eve', 'fay'].map((user) => updatesReader(t, app, app)(user)))
  for (const { next } of streams) await next('ready')
  // Two seconds pass with each look at the clock.
  await sql`
    create sequence public.seconds;
    grant usage on public.seconds to public;
    create or replace function colloquy.clock() returns timestamptz
    language sql volatile
    as $$ select pg_catalog.now() + pg_catalog.nextval('public.seconds') * interval '2 seconds' $$`.simple()
  const [first, second] = await read({ user_id: 'eve' }, { user_id: 'fay' })
  t.ok(first?.includes('epoch'), 'the first one is read in any case')
  t.same(second, [], 'the second one is not')
  for (const [n, user] of ['eve', 'fay'].entries()) {
    const { body } = await app.call('POST', `/api/${user}/conversations`, { user, body: {} })
    t.ok(
      await streams[n]?.next('conversation-created', { conversation_id: body.id }),
      `${user} is told all the same`,
    )
  }
})

t.test('a node that is silent keeps no users of another waiting', async (t) => {
  const asked: string[] = []
  // Answers what the statement's entries are, and nothing at all of who is silent, after the beginning.
  const statement = async (work: (sql: unknown) => unknown) => {
    const says = Object.assign((_: unknown, ...values: unknown[]) => values, {
      typed: (value: unknown) => value,
    })
    const [entries] = work(says) as [{ user_id: string; is_open: boolean }[]]
    const users = entries.flatMap(({ user_id, is_open }) => (is_open ? [] : user_id))
    asked.push(...users)
    if (users.includes('silent')) await new Promise(() => {})
    const at = '2026-01-01T00:00:00.000000Z'
    return [{ at }, ...entries.map((_, n) => ({ entry: n + 1, type: 'epoch', at }))]
  }
  const updates = createUpdates({
    db: { nodeOf: (userId: string) => userId, statement } as unknown as Database,
    watchLapsed: () => {},
    heartbeatMs: 60_000,
    log: { warn: (fields) => t.fail('a tick failed', fields) },
    tickMs: 1,
  })
  t.teardown(updates.close)
  for (const user of ['silent', 'here']) await updates.open(user, undefined, 60_000)
  const times = (user: string) => asked.filter((one) => one === user).length
  await until(() => times('silent') > 0)
  const before = times('here')
  await until(() => times('here') > before + 2)
  t.equal(times('silent'), 1, 'who is on a node that is silent is asked for once')
})
