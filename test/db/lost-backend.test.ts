import { setTimeout } from 'node:timers/promises'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { connect, DatabaseUnavailable } from '../../src/db/connect.js'
import type { PrepareMode } from '../../src/db/connection-target.js'
import type { Database, Sql } from '../../src/db/database.js'
import { isPooled, testDatabase } from '../helpers/database.js'
import { drawSeed, runs } from '../helpers/seed.js'
import { countingProxy } from '../helpers/wire.js'
import { createRandom } from '../history/random.js'

/** Both rows of a batch or none; a row remembers for whom, and as which role, it was written. No policy hides one. */
const insert = (sql: Sql, batch: string, part: number) =>
  sql`insert into public.witness (batch, part) values (${batch}, ${part}::integer) returning part`

/** The ways in which a caller may use a transaction, bad ones included. */
const forms: Record<string, (db: Database, batch: string) => PromiseLike<unknown>> = {
  pipelined: (db, batch) =>
    db.asUser('alice', (sql) => {
      insert(sql, batch, 1).execute()
      return insert(sql, batch, 2)
    }),
  awaited: (db, batch) =>
    db.asUser('alice', async (sql) => {
      await insert(sql, batch, 1)
      return await insert(sql, batch, 2)
    }),
  heedless: (db, batch) =>
    db.asUser('alice', async (sql) => {
      await insert(sql, batch, 1).catch(() => {})
      await insert(sql, batch, 2).catch(() => {})
    }),
  leaving: (db, batch) =>
    db.asUser('alice', async (sql) => {
      insert(sql, batch, 1).execute()
      insert(sql, batch, 2).execute()
    }),
  statement: (db, batch) =>
    db.statement(
      (sql) => sql`
        insert into public.witness (batch, part)
        select ${batch}, part
        from (select colloquy.act_as('alice')) acting, generate_series(1, 2) part`,
    ),
}

type Fate = 'committed' | 'none' | 'unknown'

const fateOf = (work: PromiseLike<unknown>): Promise<Fate> =>
  Promise.resolve(work).then(
    () => 'committed',
    (error: unknown) => {
      if (error instanceof DatabaseUnavailable) return error.outcome
      throw error
    },
  )

const setUp = async (t: Test) => {
  const { url, superuserUrl } = await testDatabase(t)
  const wire = await countingProxy(t, url)
  const root = postgres(superuserUrl, { max: 1, fetch_types: false, onnotice: () => {} })
  t.teardown(() => root.end())
  await root`
    create table public.witness (
      batch text, part integer, acting text default current_setting('colloquy.user_id', true), role text default current_user
    );
    grant select, insert on public.witness to public`.simple()
  const fates = new Map<string, Fate>()

  return {
    wire,
    fates,
    connect: (prepare: PrepareMode, max: number) => {
      const db = connect({ url: wire.url, max, prepare, applicationName: 'victim' })
      t.teardown(() => db.close())
      return db
    },
    /** Terminates about this share of the backends and returns how many. */
    terminate: async (share: number) => {
      const { count } = await root`
        select pg_terminate_backend(pid)
        from pg_stat_activity
        where datname = current_database() and application_name = 'victim' and random() < ${share}`
      return count
    },
    /** What was written is what was promised, in a transaction that acted for alice. */
    verify: async (t: Test) => {
      const batches = await root<{ batch: string; parts: number; faults: number }[]>`
        select batch, count(*)::integer as parts,
          (count(*) filter (where (acting, role) is distinct from ('alice', 'colloquy_app')))::integer as faults
        from public.witness group by batch`
      const parts = new Map(batches.map((batch) => [batch.batch, batch.parts]))
      const broken = [...fates].filter(([batch, fate]) => {
        const count = parts.get(batch) ?? 0
        return fate === 'committed' ? count !== 2 : fate === 'none' ? count !== 0 : count !== 0 && count !== 2
      })
      t.same(broken, [], 'every transaction did all that it promised, or nothing')
      t.same(
        batches.filter((batch) => batch.faults > 0),
        [],
        'nothing was written outside a transaction that acts for its user',
      )
      const count = (fate: Fate) => [...fates.values()].filter((other) => other === fate).length
      t.comment(`${count('committed')} committed, ${count('none')} not, ${count('unknown')} unknown`)
    },
  }
}

process.on('uncaughtException', (error) => t.fail('an uncaught exception', { error }))
process.on('unhandledRejection', (error) => t.fail('an unhandled rejection', { error }))
t.setTimeout(240_000)

/** Of each way to lose it; they lie elsewhere in each run. */
const points = runs(5)
const random = createRandom(drawSeed(t))

// Statements are never prepared behind a pooler.
const ways = isPooled ? (['off'] as const) : (['on', 'off'] as const)
for (const prepare of ways) {
  t.test(`a connection lost at every point of a transaction, prepare ${prepare}`, async (t) => {
    const { wire, fates, connect, terminate, verify } = await setUp(t)
    const db = connect(prepare, 1)

    /** Ways to lose a connection: before what follows reaches the server, or only its answers. */
    const losses: Record<string, () => unknown> = {
      terminated: () => terminate(1),
      reset: () => wire.cut(),
      deaf: async () => {
        wire.silence(true)
        void setTimeout(5).then(wire.cut)
      },
    }
    for (const [form, run] of Object.entries(forms)) {
      const id = (point: number | string, loss = 'undisturbed') =>
        `${form} ${loss} ${`${point}`.padStart(3)}`.padEnd(30)
      await run(db, id('a'))
      wire.reset()
      await run(db, id('b'))
      const bytes = wire.bytes()
      for (const [loss, lose] of Object.entries(losses)) {
        for (let point = 0; point <= points; point += 1) {
          // The first and the last are where it begins and where it ends.
          const isWithin = point > 0 && point < points
          let left = Math.round((bytes * (isWithin ? point - 0.5 + random.next() : point)) / points)
          await run(db, id(`w${point}`, loss))
          wire.tamper(async (data) => {
            if (left < 0) return data
            const before = data.subarray(0, left)
            left -= data.length
            if (left > 0) return data
            left = -1
            return Buffer.concat([before, await after(lose, data.subarray(before.length))])
          })
          const batch = id(point, loss)
          fates.set(batch, await fateOf(run(db, batch)))
          wire.tamper(undefined)
          wire.silence(false)
        }
      }
    }
    await verify(t)
  })
}

/** What is left of the data once the loss has happened. */
const after = async (lose: () => unknown, rest: Buffer): Promise<Buffer> => {
  await lose()
  return rest
}

t.test('connections lost at random under load', async (t) => {
  const { fates, connect, terminate, verify } = await setUp(t)
  const db = connect('auto', 8)
  let isOver = false
  let kills = 0
  const killer = (async () => {
    while (!isOver) {
      kills += await terminate(0.3)
      // Time for those who are left without a connection to have one again, and to work on it.
      await setTimeout(50)
    }
  })()
  const client = async (name: number) => {
    for (let round = 0; round < runs(6); round += 1) {
      for (const [form, run] of Object.entries(forms)) {
        const batch = `${form} of ${name} in ${round}`
        fates.set(batch, await fateOf(run(db, batch)))
      }
    }
  }
  await Promise.all(Array.from({ length: 16 }, (_, name) => client(name)))
  isOver = true
  await killer
  await verify(t)
  t.comment(`${kills} backends terminated`)
  const [row] = await db.asUser('alice', (sql) => sql<{ works: boolean }[]>`select true as works`)
  t.same(row, { works: true }, 'the pool still serves')
})
