import postgres from 'postgres'
import t from 'tap'
import { connect } from '../src/db/connect.js'
import { migrate } from '../src/db/migrate.js'
import { emptyAnswer } from '../src/turns/events.js'
import { setTitle } from '../src/turns/store/set-title.js'
import { syncAttempts } from '../src/turns/store/sync-attempts.js'
import { testApp, tokenOf } from './helpers/app.js'
import { type ContractOperation, contractOperations, requiredQuery } from './helpers/contract.js'
import { isDistributed, testDatabase } from './helpers/database.js'
import { gatedModel } from './helpers/models.js'
import { mutant } from './helpers/mutant.js'
import { startServer } from './helpers/server.js'
import { turnOf } from './helpers/stream.js'
import { SECRET } from './helpers/tokens.js'
import { begin, newTurn } from './helpers/turns.js'

const strangerId = '019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e'
const secret = 'the text that only alice may read'

interface Owned {
  conversation_id: string
  turn_id: string
  message_id: string
}

interface Seen {
  status: number
  text: string
}

type Send = (
  operation: ContractOperation,
  who: { token?: string; user_id: string; ids: Owned },
) => Promise<Seen>

/** A request that is right for each operation; a new parameter or body has to be added here before the suite passes. */
const bodies: Record<string, (ids: Owned) => object> = {
  createTurn: ({ conversation_id }) => ({ conversation_id, message: 'from somebody else' }),
  streamNewTurn: ({ conversation_id }) => ({ conversation_id, message: 'from somebody else' }),
  createConversation: () => ({ title: 'of my own' }),
  updateConversation: () => ({ title: 'taken over' }),
  importUser: () => ({ type: 'end' }),
  rateMessage: () => ({ rating: 'up', comment: 'not mine' }),
  forkConversation: ({ message_id }) => ({ message_id }),
}

/** What required parameters of the query have, where the contract's example would find nothing that could leak. */
const queryValues = { q: secret }
/** Else it has no end. */
const optionalQueries: Record<string, string> = { streamUpdates: '?max_seconds=1' }

const pathOf = (path: string, values: Record<string, string>): string =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name]
    if (!value) throw new Error(`test/isolation.test.ts does not know what to put for {${name}}`)
    return value
  })

const sender =
  (url: string): Send =>
  async (operation, { token, user_id, ids }) => {
    const body = bodies[operation.operationId]?.(ids)
    const response = await fetch(
      `${url}${pathOf(operation.path, { user_id, ...ids })}${optionalQueries[operation.operationId] ?? requiredQuery(operation, { ...queryValues, confirm: user_id })}`,
      {
        method: operation.method,
        headers: {
          ...(token && { authorization: `Bearer ${token}` }),
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { body: JSON.stringify(body) }),
      },
    )
    return { status: response.status, text: await response.text() }
  }

/** An answer without what differs between two requests for the same thing. */
const comparable = ({ status, text }: Seen): string =>
  `${status} ${text.replace(/"(request_id|instance)":"[^"]*"/g, '"$1":""')}`

/** Deleting comes last, and erasing after that, so that they cannot hide what the others leak. */
const deletesLast = (operations: ContractOperation[]): ContractOperation[] => {
  const isDelete = ({ method }: ContractOperation) => method === 'DELETE'
  const rank = (operation: ContractOperation) =>
    Number(isDelete(operation)) + Number(operation.operationId === 'eraseUser')
  return [...operations].sort((a, b) => rank(a) - rank(b))
}
const secured = deletesLast(contractOperations.filter(({ path }) => path.includes('{user_id}')))
const addressesRow = ({ path, operationId }: ContractOperation): boolean =>
  /\{(?!user_id)/.test(path) || /^(createTurn|streamNewTurn)$/.test(operationId)

/** Tries every operation as bob on what is alice's, and says where he got through. */
const leaks = async (url: string): Promise<string[]> => {
  const send = sender(url)
  const [alice, bob] = [tokenOf('alice'), tokenOf('bob')]
  const begun = await fetch(`${url}/api/alice/chat`, {
    method: 'POST',
    headers: { authorization: `Bearer ${alice}`, 'content-type': 'application/json' },
    body: JSON.stringify({ message: secret }),
  })
  if (begun.status !== 200) throw new Error(`alice got ${begun.status}: ${await begun.text()}`)
  const { conversation_id, turn_id, message_id } = (await begun.json()) as Owned
  const ids = { conversation_id, turn_id, message_id }
  const strangers = { conversation_id: strangerId, turn_id: strangerId, message_id: strangerId }
  const found: string[] = []
  for (const operation of secured) {
    const expect = (what: string, ok: boolean) => {
      if (!ok) found.push(`${operation.operationId}: ${what}`)
    }
    const anonymous = await send(operation, { user_id: 'alice', ids })
    expect('answers without a token', anonymous.status === 401)
    const wrongPath = await send(operation, { token: bob, user_id: 'alice', ids })
    expect('lets bob use alice’s path', wrongPath.status === 403)
    const wrongRow = await send(operation, { token: bob, user_id: 'bob', ids })
    const shown = comparable(wrongRow)
    expect('shows bob what is alice’s', ![secret, ...Object.values(ids)].some((s) => shown.includes(s)))
    if (!addressesRow(operation)) continue
    const unknown = await send(operation, { token: bob, user_id: 'bob', ids: strangers })
    expect('tells another user’s row from an unknown one', comparable(wrongRow) === comparable(unknown))
    expect('finds another user’s row', wrongRow.status === 404)
  }
  for (const operation of secured) {
    const own = await send(operation, { token: alice, user_id: 'alice', ids })
    if (own.status >= 300) found.push(`${operation.operationId}: alice got ${own.status} for her own`)
    const isSearch = operation.operationId === 'searchMessages'
    if (isSearch && !own.text.includes(ids.message_id))
      found.push('searchMessages: alice does not find her own')
  }
  return found
}

/** The tables that hold what users say, and what it has cost. */
const tables = ['conversations', 'turns', 'messages', 'turn_events', 'usage', 'feedback']
/** Those that tell of them. */
const otherTables = [
  ...['search_indexes', 'search_tails', 'search_segments', 'branches'],
  ...['turn_counts', 'waiting_messages', 'idempotency_keys', 'removals', 'retention', 'total_spending'],
  ...['total_reservations', 'updates', 'update_streams'],
]

/** Every condition on the user is taken out of the handlers, and the turn functions get the path's ids alone. */
const withoutWhere = {
  files: /^src\/handlers\/.*\.ts$/,
  from: /(\w+\.)?user_id = \$\{user(\.id|Id)\} and /g,
  to: '',
}

const serverOn = async (t: Test, url: string, cwd?: string) => {
  const env = { DATABASE_URL: url, BETTER_AUTH_SECRET: SECRET, LOG_LEVEL: 'info' }
  return startServer(t, { env, ...(cwd && { cwd }) })
}
type Test = Parameters<typeof testDatabase>[0]

t.test('every operation of the contract keeps users apart', async (t) => {
  t.ok(secured.length >= 7, 'there are operations')
  for (const login of ['owner', 'superuser'] as const) {
    const { url } = await testDatabase(t, { login })
    const server = await serverOn(t, url)
    t.same(await leaks(server.url), [], `the login is the ${login}`)
  }
})

t.test(
  'an owner who may not create roles is bound by forced row-level security',
  { skip: isDistributed && 'it is not distributed' },
  async (t) => {
    const { url } = await testDatabase(t, { login: 'plain', migrated: false })
    await migrate(url)
    const server = await serverOn(t, url, await mutant(t, [withoutWhere]))
    t.same(await leaks(server.url), [])
  },
)

t.test(
  'with `where user_id` taken out of the queries, row-level security still keeps users apart',
  { skip: isDistributed && 'it is by `where user_id` that Citus finds the node' },
  async (t) => {
    const folder = await mutant(t, [withoutWhere])
    const { url, superuserUrl } = await testDatabase(t)
    const server = await serverOn(t, url, folder)
    t.same(await leaks(server.url), [])

    const sql = postgres(superuserUrl, { max: 1, onnotice: () => {} })
    for (const table of tables) {
      await sql`alter table ${sql(`colloquy.${table}`)} disable row level security`
    }
    await sql.end()
    const seen = await leaks(server.url)
    t.match(seen.join('\n'), /getConversation: .*bob/, 'and the test would see it if it did not')
  },
)

t.test(
  'a running turn is streamed to its user alone, on the instance that runs it and another',
  async (t) => {
    const gated = gatedModel()
    const one = await testApp(t, { model: gated.model, shutdownMs: 0 })
    const two = await testApp(t, { model: gated.model, databaseUrl: one.databaseUrl })
    const stream = await one.stream('POST', '/api/alice/chat', { body: { message: secret } })
    const { turn_id, conversation_id } = await turnOf(stream)
    for (const { call } of [one, two]) {
      const seen = async (path: string) => comparable(await call('GET', `/api/bob/${path}`, { user: 'bob' }))
      for (const path of ['turns/ID/stream', 'conversations/ID/stream']) {
        const id = path.startsWith('turns') ? turn_id : conversation_id
        const unknown = await seen(path.replace('ID', strangerId))
        t.match(unknown, /^404 /)
        t.equal(
          await seen(path.replace('ID', id)),
          unknown,
          `${path}: another user’s is as one that is not there`,
        )
      }
    }
  },
)

t.test('in SQL, too: nothing of another user can be read, changed or written', async (t) => {
  const { directUrl } = await testDatabase(t)
  const db = connect({ url: directUrl, max: 1, prepare: 'auto' })
  t.teardown(() => db.close())
  const sql = postgres(directUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  const turn = newTurn({ idempotency: { keyHash: '00', fingerprint: '00' } })
  await begin(db, turn)
  const entry = { user_id: 'alice', turn_id: turn.turnId, runs: true, attempt: 1, seq: 0, events: ['said'] }
  t.same(await syncAttempts(db, [entry], 60_000), [])
  await db.asUser(
    'alice',
    (tx) => tx`
      insert into colloquy.feedback (user_id, conversation_id, message_id, rating, updated_at)
      values ('alice', ${turn.conversationId}, ${turn.userMessageId}, 'up', now())`,
  )
  await setTitle(db, { ...turn, usage: { ...emptyAnswer().usage, cost: null } })
  const as = <T>(user: string | null, work: (tx: postgres.TransactionSql) => Promise<T>) =>
    sql.begin(async (tx) => {
      if (user !== null) await tx`select colloquy.act_as(${user})`
      return work(tx)
    })
  await as('alice', async (tx) => {
    const id = turn.conversationId
    await tx`insert into colloquy.search_indexes (user_id, sealed_to, segments) values ('alice', ${id}, 1)`
    await tx`insert into colloquy.search_tails (user_id, conversation_id, sealed_position) values ('alice', ${id}, 0)`
    await tx`
      insert into colloquy.search_segments (user_id, number, conversation_ids, first_positions, lengths)
      values ('alice', 1, '{}', '{}', '{}')`
    await tx`
      insert into colloquy.branches (user_id, conversation_id, position, parent_position) values ('alice', ${id}, 1, 0)`
    await tx`
      insert into colloquy.turn_counts (user_id, running, minute_started_at, minute_turns, day, day_turns)
      values ('alice', '{}', now(), 1, now(), 1)`
    await tx`insert into colloquy.removals (user_id, conversation_id, remove_at) values ('alice', ${id}, now())`
    await tx`insert into colloquy.retention (user_id) values ('alice')`
    // Its real rows are of '', which is nobody's id.
    await tx`
      insert into colloquy.total_spending (user_id, month, spent, days) values ('alice', '2026-11-01', 1, '{1}')`
    await tx`
      insert into colloquy.total_reservations (user_id, turn_id, attempt, reserved, reserved_on)
      values ('alice', ${turn.turnId}, 1, 1, '2026-11-01')`
    await tx`insert into colloquy.update_streams (user_id, since) values ('alice', now())`
    await tx`
      insert into colloquy.waiting_messages (user_id, turn_id, wait_until) values ('alice', ${turn.turnId}, now())`
  })
  const listed = await sql<{ name: string }[]>`
    select tablename as name from pg_tables
    where schemaname = 'colloquy' and tablename <> 'migrations' order by 1`
  t.same(
    listed.map(({ name }) => name),
    [...tables, ...otherTables].sort(),
    'these are all tables',
  )
  for (const table of [...tables, ...otherTables]) {
    const name = sql(`colloquy.${table}`)
    t.equal((await as('alice', (tx) => tx`select from ${name}`)).length, 1, `alice sees her ${table}`)
    for (const user of ['bob', null]) {
      t.equal((await as(user, (tx) => tx`select from ${name}`)).length, 0, `${user} sees no ${table}`)
      t.equal((await as(user, (tx) => tx`update ${name} set user_id = user_id`)).count, 0)
      t.equal((await as(user, (tx) => tx`delete from ${name}`)).count, 0)
    }
    await t.rejects(
      as('alice', (tx) => tx`update ${name} set user_id = 'bob'`),
      { code: /42501|23503|0A000/ },
      'a row cannot be given away',
    )
  }
  const asNobody = <T>(work: (tx: postgres.TransactionSql) => Promise<T>) =>
    sql.begin(async (tx) => {
      await tx`select colloquy.act_as(null)`
      return work(tx)
    })
  await asNobody((tx) => tx`select colloquy.reserve_total('2026-11-27', 1, null, null)`)
  const spending = (tx: postgres.TransactionSql) => tx`select from colloquy.total_spending`
  t.equal((await asNobody(spending)).length, 1, 'what all users spend is seen by who acts for nobody')
  t.equal((await as('bob', spending)).length, 0, 'and by no user')
  await t.rejects(
    as(
      'bob',
      (tx) => tx`
        insert into colloquy.conversations (user_id, id, title, last_position, created_at, updated_at, last_turn_at)
        values ('alice', ${strangerId.replace('9', '8')}, 'x', 0, now(), now(), now())`,
    ),
    { code: '42501' },
    'a row cannot be planted',
  )
  t.equal((await sql`select current_setting('colloquy.user_id', true) as acting`)[0]?.acting || null, null)
})
