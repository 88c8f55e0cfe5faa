import t from 'tap'
import { DatabaseUnavailable } from '../../src/db/connect.js'
import type { Sql } from '../../src/db/database.js'
import { createWalPositions } from '../../src/db/wal-positions.js'
import { connected, insert } from '../helpers/connected.js'
import { isPooled } from '../helpers/database.js'

process.on('unhandledRejection', (error) => t.fail('an unhandled rejection', { error }))

t.test('a transaction that fails writes nothing, says why, and harms no other', async (t) => {
  const { db, titles } = await connected(t)
  const failures: Record<
    string,
    [(sql: Sql) => PromiseLike<unknown>, { code: string } | { message: string }]
  > = {
    'throws at once': [
      (sql) => {
        insert(sql, 'x').execute()
        throw new Error('mine')
      },
      { message: 'mine' },
    ],
    throws: [(sql) => insert(sql, 'x').then(() => Promise.reject(new Error('mine'))), { message: 'mine' }],
    'fails in the flight of the commit': [
      (sql) => {
        insert(sql, 'x').execute()
        return sql`select 1 / 0`
      },
      { code: '22012' },
    ],
    'catches a failure and goes on': [
      async (sql) => {
        await sql`select 1 / 0`.catch(() => {})
        await insert(sql, 'x')
      },
      { code: '22012' },
    ],
    'catches a failure at the end': [
      async (sql) => {
        await insert(sql, 'x')
        await sql`select 1 / 0`.catch(() => {})
      },
      { code: '22012' },
    ],
    'leaves a failure behind': [
      async (sql) => {
        insert(sql, 'x').execute()
        sql`select 1 / 0`.execute()
      },
      { code: '22012' },
    ],
    // The driver blames another statement for these two and loses count of the answers.
    'hands in undefined': [
      (sql) => {
        insert(sql, 'x').execute()
        return insert(sql, undefined as unknown as string)
      },
      { code: 'UNDEFINED_VALUE' },
    ],
    'leaves undefined behind': [
      async (sql) => {
        insert(sql, undefined as unknown as string).execute()
        insert(sql, 'x').execute()
      },
      { code: 'UNDEFINED_VALUE' },
    ],
  }
  for (const [name, [work, expected]] of Object.entries(failures)) {
    for (const temperature of ['cold', 'warm']) {
      await t.rejects(db.asUser('alice', work), expected, `${name}, ${temperature}`)
      const next = await db.asUser('alice', (sql) => sql`select 1 as one`)
      t.same(next, [{ one: 1 }], `${name}, ${temperature}: the next transaction works`)
      await db.asUser('bob', (sql) => sql`select 1 as one`)
    }
  }
  t.same(await titles(), [], 'nothing is written')
})

t.test('a commit counts, whatever becomes of the position that is asked for behind it', async (t) => {
  for (const prepare of ['auto', 'off'] as const) {
    const positions = createWalPositions(60_000)
    const { db, wire, titles } = await connected(t, { prepare, positions })
    const swap = [/pg_current_wal_\w\w/g, 'pg_current_wal_xx'] as const
    wire.tamper((data) => Buffer.from(data.toString('latin1').replace(...swap), 'latin1'))
    await db.asUser('alice', (sql) => insert(sql, 'committed'))
    t.same(await titles(), ['committed'], `prepare ${prepare}: it is written, and said to be`)
    t.equal(positions.latest(), undefined, `prepare ${prepare}: where it is in the log is not known`)
    wire.tamper(undefined)
    const read = () => db.asUser('alice', (sql) => sql`select 1`)
    await read()
    const known = positions.latest() ?? ''
    t.match(known, /^[\dA-F]{16}$/, `prepare ${prepare}: the next transaction tells it`)
    await read()
    wire.reset()
    await read()
    if (prepare === 'auto' && !isPooled)
      t.equal(wire.roundTrips(), 1, `prepare ${prepare}: in the same round trip`)
    const failing = db.asUser('alice', (sql) => sql`select 1 / 0`)
    await t.rejects(failing, { code: '22012' }, `prepare ${prepare}: one that fails`)
    t.ok((positions.latest() ?? '') >= known, `prepare ${prepare}: takes nothing back`)
  }
})

t.test('after a failure no statement leaves', async (t) => {
  const { db, wire } = await connected(t)
  await t.rejects(
    db.asUser('alice', async (sql) => {
      await t.rejects(sql`select 1 / 0`, { code: '22012' }, 'the statement fails')
      wire.reset()
      await t.rejects(insert(sql, 'x'), /earlier statement failed/, 'the next statement is refused')
      t.equal(wire.bytes(), 0, 'the refused statement is not sent')
    }),
    { code: '22012' },
    'the transaction fails',
  )
  await t.rejects(
    db.asUser('alice', async (sql) => {
      await sql`select 1`
      wire.cut()
      await t.rejects(sql`select 1`, { code: /^(CONNECTION_|ECONN)/ }, 'its statement fails')
      await t.rejects(insert(sql, 'x'), DatabaseUnavailable, 'a statement after it is refused')
    }),
    DatabaseUnavailable,
    'the transaction fails with its connection',
  )
})

t.test('a statement that outlives its transaction is refused', async (t) => {
  const { db, titles } = await connected(t)
  const leaked: Sql[] = []
  const early: PromiseLike<unknown>[] = []
  const leak = async (sql: Sql) => {
    leaked.push(sql)
    early.push(insert(sql, 'made early'))
    await sql`select 1`
  }
  await db.asUser('alice', leak)
  await db.asLogin(leak)
  const failing = db.asUser('alice', (sql) => leak(sql).then(() => Promise.reject(new Error('mine'))))
  await t.rejects(failing, { message: 'mine' }, 'a failing transaction leaks its function, too')
  await db.statement((sql) => {
    leaked.push(sql)
    return sql`select 1`
  })
  await db.asUser('alice', async (sql) => {
    for (const [n, other] of leaked.entries())
      await t.rejects(insert(other, 'leaked'), /has ended/, `transaction ${n}: a late statement is refused`)
    for (const [n, statement] of early.entries())
      await t.rejects(Promise.resolve(statement), /has ended/, `transaction ${n}: an early one is refused`)
    for (const other of leaked) insert(other, 'leaked and left').execute()
    await sql`select 1`
  })
  t.same(await titles(), [], 'nothing is written')
})

t.test('a begin that fails on a living connection lets nothing through', async (t) => {
  for (const login of ['owner', 'superuser'] as const) {
    for (const prepare of ['auto', 'off'] as const) {
      const { db, wire, titles } = await connected(t, { login, prepare })
      await db.asUser('alice', (sql) => insert(sql, 'before'))
      wire.tamper((data) => Buffer.from(data.toString('latin1').replace('begin', 'bogus'), 'latin1'))
      await t.rejects(
        db.asUser('alice', (sql) => insert(sql, 'outside')),
        { code: '42601' },
        `${login}, prepare ${prepare}, returned`,
      )
      await t.rejects(
        db.asUser('alice', async (sql) => {
          await insert(sql, 'outside').catch(() => {})
        }),
        { code: '42601' },
        `${login}, prepare ${prepare}, awaited`,
      )
      wire.tamper(undefined)
      t.same(await titles(), ['before'], `${login}, prepare ${prepare}: nothing is written outside`)
    }
  }
})

// The driver repeats none but prepared statements.
const unprepared = isPooled && 'nothing is prepared behind a pooler'

t.test(
  'a statement that the driver repeats after the rollback writes nothing',
  { skip: unprepared },
  async (t) => {
    for (const login of ['owner', 'superuser'] as const) {
      const { db, root, titles } = await connected(t, { login })
      const work = (sql: Sql) => insert(sql, 'kept')
      const outdates = {
        'a migration ran': () => root`alter table colloquy.conversations alter title type varchar`,
        'a pooler forgot': () => db.asLogin((sql) => sql`deallocate all`.simple()),
      }
      for (const [why, outdate] of Object.entries(outdates)) {
        const before = await titles()
        await db.asUser('alice', work)
        await outdate()
        const error = await db.asUser('alice', work).catch((error: unknown) => error)
        t.type(error, DatabaseUnavailable, `${login}, ${why}`)
        t.equal((error as DatabaseUnavailable).outcome, 'none', `${login}, ${why}: nothing was done`)
        await db.asUser('alice', work)
        t.same(await titles(), [...before, 'kept', 'kept'], `${login}, ${why}: only the others are written`)
      }
    }
  },
)
