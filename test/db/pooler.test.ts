import t from 'tap'
import { connect } from '../../src/db/connect.js'
import type { Sql } from '../../src/db/database.js'
import { testApp } from '../helpers/app.js'
import { missingPoolerReason, one, open, plant, pooled, titles } from '../helpers/pooler.js'
import { countingProxy } from '../helpers/wire.js'

process.on('uncaughtException', (error) => t.fail('an uncaught exception', { error }))
process.on('unhandledRejection', (error) => t.fail('an unhandled rejection', { error }))

/** What the server's connection is between two transactions. */
const atRest = (sql: Sql) => sql`
  select pg_backend_pid() as pid, coalesce(current_setting('colloquy.user_id', true), '') as users,
    current_user = session_user as is_login, current_setting('statement_timeout') as statement_limit,
    current_setting('lock_timeout') as lock_limit,
    (select count(*)::integer from pg_prepared_statements) as prepared`

t.test(
  'users take turns on one connection of the server, and none acts for another',
  {
    skip: missingPoolerReason,
  },
  async (t) => {
    for (const login of ['owner', 'superuser'] as const) {
      const { url, root } = await pooled(t, { login })
      const db = open(t, url, { max: 6, statementTimeoutMs: 12_000 })
      const strangers: unknown[] = []
      const rests: unknown[] = []

      /** The ways in which a transaction begins, and ends or fails. */
      const acts: ((user: string, title: string) => Promise<unknown>)[] = [
        (user, title) => db.asUser(user, (sql) => plant(sql, user, title)),
        (user, title) => db.asUser(user, async (sql) => await plant(sql, user, title)),
        (user) =>
          t.rejects(
            db.asUser(user, (sql) => sql`select 1 / ${0}::integer`),
            { code: '22012' },
            `${login}, ${user}: a statement fails`,
          ),
        (user, title) =>
          t.rejects(
            db.asUser(user, async (sql) => {
              await plant(sql, user, title)
              throw new Error('mine')
            }),
            { message: 'mine' },
            `${login}, ${user}: the work fails`,
          ),
        (user) => db.statement((sql) => sql`select colloquy.act_as(${user})`),
        () => db.asLogin(one),
        (user, title) =>
          t.rejects(
            db.asUser(user === 'alice' ? 'bob' : 'alice', (sql) => plant(sql, user, title)),
            { code: '42501' },
            'nobody writes for another',
          ),
      ]
      const hammer = async (user: string, lane: number) => {
        for (let round = 0; round < 5; round += 1) {
          for (const [index, act] of acts.entries()) {
            await act(user, `${user} ${lane} ${round} ${index}`)
            const rows = await db.asUser(user, titles)
            strangers.push(...rows.filter((row) => row.user_id !== user || !row.title.startsWith(user)))
            rests.push(...(await db.statement(atRest)))
            // A role that bypasses row-level security would see everything, so nothing of a user runs on an idle connection.
            if (login === 'owner') strangers.push(...(await db.statement(titles)))
          }
        }
      }
      await Promise.all(['alice', 'bob', 'alice', 'bob'].map(hammer))

      t.same(strangers, [], `${login}: nobody saw another's rows`)
      const [server] = await root<{ pid: number }[]>`
      select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
      const rest = {
        pid: server?.pid,
        users: '',
        is_login: true,
        statement_limit: '0',
        lock_limit: '0',
        prepared: 0,
      }
      t.same(
        rests.filter((found) => JSON.stringify(found) !== JSON.stringify(rest)),
        [],
        `${login}: on the one connection nothing was left of any transaction`,
      )
      const [count] = await root`
      select count(*)::integer as rows, count(*) filter (where title !~ ('^' || user_id))::integer as strange
      from colloquy.conversations`
      t.same(count, { rows: 4 * 5 * 2, strange: 0 }, `${login}: every row carries its own user`)
    }
  },
)

t.test(
  'names that would be SQL, or are hard to write, act for themselves',
  { skip: missingPoolerReason },
  async (t) => {
    const { url } = await pooled(t)
    const db = open(t, url)
    const users = ["o'hara", '\\', "\\'", '"', '{a,b}', 'ünï🙂', "'); drop schema colloquy cascade; --", '']
    for (const user of users) {
      await db.asUser(user, (sql) => plant(sql, user, 'mine'))
      t.same(await db.asUser(user, titles), [{ user_id: user, title: 'mine' }], JSON.stringify(user))
    }
  },
)

t.test(
  'a begin that fails is followed by nothing, on any connection of the server',
  {
    skip: missingPoolerReason,
  },
  async (t) => {
    for (const login of ['owner', 'superuser'] as const) {
      const { url, root } = await pooled(t, { login })
      const wire = await countingProxy(t, url)
      const db = open(t, wire.url, { statementTimeoutMs: 5_000 })
      const other = open(t, url)
      await db.asUser('alice', (sql) => plant(sql, 'alice', 'before'))
      wire.tamper((data) => Buffer.from(data.toString('latin1').replace('begin', 'bogus'), 'latin1'))
      for (let round = 0; round < 5; round += 1) {
        const start = performance.now()
        const failing = [
          t.rejects(
            db.asUser('alice', (sql) => plant(sql, 'alice', 'outside')),
            { code: '42601' },
            `${login}, answered at once`,
          ),
          other.asUser('bob', one),
        ]
        t.same((await Promise.all(failing))[1], [{ one: 1 }], 'nobody else is given the answers to it')
        t.ok(performance.now() - start < 3_000, 'and nobody waits for an answer that never comes')
      }
      wire.tamper(undefined)
      t.same(await db.asUser('alice', one), [{ one: 1 }], `${login}: the connection serves again`)
      const rows = await root`select title from colloquy.conversations`
      t.same(rows, [{ title: 'before' }], `${login}: nothing is written outside`)
    }
  },
)

t.test('a turn through a pooler costs four round trips', { skip: missingPoolerReason }, async (t) => {
  const { url } = await pooled(t)
  const wire = await countingProxy(t, url)
  const { chat } = await testApp(t, { db: connect({ url: wire.url, max: 1, prepare: 'auto' }) })
  const { conversation_id } = await chat('first')
  const trips: number[] = []
  // On a busy machine a tick may come in between, with a statement of its own.
  for (let i = 0; i < 5; i += 1) {
    wire.reset()
    await chat('new')
    await chat('next', { conversation_id })
    trips.push(wire.roundTrips())
  }
  t.equal(Math.min(...trips), 8, 'four for each of the two turns')
})
