import { setTimeout as delay } from 'node:timers/promises'
import postgres from 'postgres'
import t from 'tap'
import { migrate } from '../../src/db/migrate.js'
import { type Migration, readSqlFiles, type SqlFiles } from '../../src/db/sql-files.js'
import { testApp } from '../helpers/app.js'
import { isPooled, testDatabase } from '../helpers/database.js'
import { until as untilTrue } from '../helpers/models.js'
import { spawnColloquy } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'

type Test = Parameters<typeof testDatabase>[0]

const own = await readSqlFiles()

/** A program that has one migration more, which nobody may use the table beside. */
const next: Migration = {
  version: (own.migrations.at(-1)?.version ?? 0) + 1,
  name: 'note',
  text: 'alter table colloquy.conversations add column note text;',
  checksum: 'note',
  oldestProgram: 1,
}
const named = `${next.version} ${next.name}`
const newer: SqlFiles = { ...own, migrations: [...own.migrations, next] }

const superuser = (t: Test, url: string, options: postgres.Options<never> = {}) => {
  const sql = postgres(url, { max: 1, onnotice: () => {}, ...options } as postgres.Options<never>)
  t.teardown(() => sql.end({ timeout: 0 }))
  return sql
}

/** Somebody who has read tables and does not end the transaction, as a forgotten psql or a dump. */
const reader = async (t: Test, url: string, tables = ['colloquy.conversations']) => {
  const sql = superuser(t, url, { connection: { application_name: 'forgotten' } })
  let release = () => {}
  const isHolding = new Promise<void>((resolve, reject) => {
    const held = sql.begin(async (tx) => {
      for (const table of tables) await tx.unsafe(`select from ${table} limit 1`)
      resolve()
      await new Promise<void>((go) => {
        release = go
      })
    })
    held.catch(reject)
  })
  await isHolding
  return { release: () => release() }
}

/** Between two things that somebody does: who never rests takes the processor from the other tests, and shows no more. */
const restMs = 20

const short = { lockTimeoutMs: 300, pauseMs: 700, giveUpMs: 120_000 }

t.test('while migrations wait for a lock, turns go on; one of several programs applies it', async (t) => {
  const { chat, databaseUrl, superuserUrl } = await testApp(t)
  const sql = superuser(t, superuserUrl)
  const { conversation_id } = await chat('first')
  const { release } = await reader(t, superuserUrl)

  let isOver = false
  let turns = 0
  const failures: unknown[] = []
  const client = async (user: string) => {
    while (!isOver) {
      const of = user === 'alice' ? { user, conversation_id } : { user }
      await chat('hi', of).then(
        () => {
          turns += 1
        },
        (error: unknown) => failures.push(error),
      )
      await delay(restMs)
    }
  }
  const lines: string[] = []
  const log = (line: string) => void lines.push(line)
  const load = Promise.all(['alice', 'bob', 'carol'].map(client))
  const programs = Promise.all(
    [1, 2, 3].map(() => migrate(databaseUrl, { files: newer, lockRetry: short, log })),
  )

  const needs = () => lines.filter((line) => line.includes('it needs'))
  const turnsAtNeed: number[] = []
  await untilTrue(() => {
    if (needs().length > turnsAtNeed.length) turnsAtNeed.push(turns)
    return turnsAtNeed.length >= 4
  })
  t.same(failures, [], 'every turn was answered')
  for (const [n, count] of turnsAtNeed.slice(1).entries()) {
    t.ok(count > (turnsAtNeed[n] ?? 0), `turns were made between attempts ${n + 1} and ${n + 2}`)
  }
  // The few connections of a pooler may all be taken, with none left to look.
  const said = isPooled
    ? /it needs (a lock|AccessExclusiveLock)/
    : /it needs AccessExclusiveLock on colloquy\.conversations, held by process \d+ \(forgotten\)/
  t.ok(
    lines.some((line) => line.startsWith(`the migration ${named} is waiting: `) && said.test(line)),
    `the log says what is waited for: ${needs()[0]}`,
  )
  const columns = () => sql`
    select from pg_attribute where attrelid = 'colloquy.conversations'::regclass and attname = 'note'`
  t.equal((await columns()).length, 0, 'nothing is applied while it waits')

  release()
  t.same(
    (await programs).flat().filter((step) => step.startsWith('migration')),
    [`migration ${named}`],
    'applied once',
  )
  t.equal((await columns()).length, 1, 'the column is there')
  isOver = true
  await load
  t.same(failures, [], 'and every turn after it')
})

t.test('programs that wait together make as many attempts as one alone', async (t) => {
  const { url, superuserUrl } = await testDatabase(t)
  const sql = superuser(t, superuserUrl)
  await reader(t, superuserUrl)
  const end = new AbortController()
  const lines: string[] = []
  const lockRetry = { lockTimeoutMs: 50, pauseMs: 2_000, giveUpMs: 120_000 }
  const log = (line: string) => void lines.push(line)
  const start = performance.now()
  const programs = Array.from({ length: 5 }, () =>
    migrate(url, { files: newer, lockRetry, log, signal: end.signal }),
  )
  const attempts = () => lines.filter((line) => line.includes('it needs')).length
  await untilTrue(() => attempts() >= 3)
  const elapsedMs = performance.now() - start
  end.abort(new Error('enough'))
  const ends = await Promise.allSettled(programs)
  t.same(new Set(ends.map(({ status }) => status)), new Set(['rejected']), 'each of them is ended')
  t.ok(attempts() <= 1 + elapsedMs / lockRetry.pauseMs, `${attempts()} attempts in ${elapsedMs} ms`)
  t.equal((await sql`select from colloquy.migrations`).length, own.migrations.length, 'nothing was applied')
})

t.test('what has no lock after all is given up, and says who held it', async (t) => {
  const { url, superuserUrl } = await testDatabase(t)
  await reader(t, superuserUrl)
  const given = migrate(url, {
    files: newer,
    lockRetry: { lockTimeoutMs: 300, pauseMs: 200, giveUpMs: 1_000 },
  })
  const message = new RegExp(`^The migration ${named} could not be applied within \\d+ s: it needs .*\\.$`)
  await t.rejects(given, { message }, 'the error names the migration and the lock')
})

const shorter = { lockTimeoutMs: 150, pauseMs: 200, giveUpMs: 120_000 }

t.test('no migration holds up anybody, while a reader is in its way', async (t) => {
  const { url, superuserUrl } = await testDatabase(t, { migrated: false })
  // Each on the tables that were there before it, whatever the program that serves them.
  for (const [n, { version, name }] of newer.migrations.entries()) {
    await t.test(`migration ${version}`, async (t) => {
      const files = { ...newer, migrations: newer.migrations.slice(0, n + 1) }
      const sql = superuser(t, superuserUrl)
      const tables = (
        await sql<{ name: string }[]>`
          select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'colloquy'`
      ).map(({ name }) => name)
      if (tables.length === 0) {
        const applied = await migrate(url, { files })
        return t.match(applied[0], `migration ${version} `, 'it finds no tables, and is applied')
      }
      const read = tables.filter((name) => name !== 'colloquy.migrations')
      const { release } = await reader(t, superuserUrl, read)
      let isOver = false
      let writes = 0
      const writer = async () => {
        const own = superuser(t, superuserUrl, { connection: { lock_timeout: 5_000 } as never })
        while (!isOver) {
          for (const table of read) {
            await own.begin((tx) => tx.unsafe(`lock table ${table} in row exclusive mode`))
            writes += 1
          }
          await delay(restMs)
        }
      }
      const writing = writer()
      const lines: string[] = []
      const migrating = migrate(url, { files, lockRetry: shorter, log: (line) => lines.push(line) })
      // A migration that only makes new tables is in nobody's way, and applied at once.
      let isApplied = false
      const applied = migrating.finally(() => {
        isApplied = true
      })
      await untilTrue(() => isApplied || lines.length >= 3)
      release()
      t.same(await applied, [`migration ${version} ${name}`], 'it is applied')
      isOver = true
      await writing
      t.ok(writes > 0, `${writes} writes`)
    })
  }
})

t.test('a signal ends a migration that waits, and leaves nothing of it', async (t) => {
  const { directUrl, superuserUrl } = await testDatabase(t)
  const sql = superuser(t, superuserUrl)
  // Within a transaction, what others do is always as it was at first sight.
  const observer = superuser(t, superuserUrl)
  // The functions are those of an older program, and another program migrates already.
  await sql`update colloquy.migrations set functions_checksum = 'older'`
  await sql.begin(async (tx) => {
    await tx`lock table colloquy.migrations in share row exclusive mode`
    const isWaitedFor = async () => {
      const waiting = await observer`
        select from pg_locks l
        join pg_stat_activity a using (pid)
        where a.datname = current_database() and not l.granted`
      return waiting.length > 0
    }
    const env = { DATABASE_URL: directUrl, PORT: '0', BETTER_AUTH_SECRET: SECRET }
    const ends = [
      {
        command: 'migrate',
        signal: 'SIGINT',
        code: 130,
        said: /interrupted by SIGINT; the migration under way was rolled back/,
      },
      { command: 'migrate', signal: 'SIGHUP', code: 129, said: /interrupted by SIGHUP; the migration/ },
      { command: 'serve', signal: 'SIGTERM', code: 0, said: /shutting down/ },
    ] as const
    for (const { command, signal, code, said } of ends) {
      const child = spawnColloquy([command], { env })
      let output = ''
      for (const stream of [child.stdout, child.stderr]) {
        stream?.on('data', (chunk) => {
          output += chunk
        })
      }
      const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
      await untilTrue(isWaitedFor)
      child.kill(signal)
      t.equal(await ended, code, command)
      t.match(output, said, command)
      await untilTrue(async () => !(await isWaitedFor()))
    }
  })
  t.same(
    await sql`select distinct functions_checksum from colloquy.migrations`,
    [{ functions_checksum: 'older' }],
    'the functions are still the older ones',
  )
})
