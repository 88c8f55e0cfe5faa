import { execFile } from 'node:child_process'
import { chown, mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { startPooler, throughPooler } from '../../scripts/pooler.js'
import { connect } from '../../src/db/connect.js'
import { migrate } from '../../src/db/migrate.js'
import { startEmbedded } from '../../src/embedded-postgres/start.js'
import { stopClock } from '../helpers/clock.js'
import { hasty, migratedFolder, testFolder } from '../helpers/cluster.js'
import { postmaster } from '../helpers/embedded.js'
import { missingPoolerReason } from '../helpers/pooler.js'
import { countingProxy } from '../helpers/wire.js'
import { type Instance, instance, type Observation } from './observe.js'
import { type Row, readTable } from './table.js'

process.on('uncaughtException', (error) => t.fail('an uncaught exception', { error }))
process.on('unhandledRejection', (error) => t.fail('an unhandled rejection', { error }))
t.setTimeout(600_000)

const run = promisify(execFile)
const table = await readTable()
const seen = new Set<string>()

/** The promises, and as much again for a machine that has much to do. */
const requestMs = 2 * 5_000
const probeMs = 2 * 2_000

/** Holds what was seen against the guide's row. */
const compare = (t: Test, weather: string, observed: Observation, logged: string): Row | undefined => {
  const row = table.get(weather)
  seen.add(weather)
  t.comment(
    `${weather}: answered within ${Math.round(observed.slowestMs)} ms, ready within ${Math.round(observed.readyMs)} ms`,
  )
  if (!t.ok(row, `the guide has a row "${weather}"`) || !row) return undefined
  t.same(observed.answers, row.answers, `${weather}: the answers`)
  t.ok(observed.slowestMs < requestMs, `${weather}: answered in time (${Math.round(observed.slowestMs)} ms)`)
  t.ok(observed.readyMs < probeMs, `${weather}: the probe, too (${Math.round(observed.readyMs)} ms)`)
  if (row.log) t.ok(logged.includes(row.log), `${weather}: the log says "${row.log}"`)
  else t.notMatch(logged, /"level":(50|60)/, `${weather}: no error is logged`)
  return row
}

/** Everything works again, in the time that the guide says. */
const recovers = async (t: Test, app: Instance, row: Row | undefined): Promise<void> => {
  const start = performance.now()
  for (;;) {
    const { answers } = await app.observe()
    const ms = performance.now() - start
    const isBack = Object.values(answers).every((answer) => answer === '200')
    if (!isBack && ms < 60_000) continue
    t.ok(isBack && ms < 2 * (row?.backWithinMs ?? 0), `everything works again after ${Math.round(ms)} ms`)
    return
  }
}

interface Weather {
  begin(): Promise<unknown>
  end(): Promise<unknown>
}

/** A weather that comes and goes while an instance runs. */
const through = async (t: Test, weather: string, app: Instance, { begin, end }: Weather): Promise<void> => {
  t.same(Object.values((await app.observe()).answers), Array(6).fill('200'), 'all is well before')
  const before = app.logged().length
  await begin()
  // The first requests find out what has become of open connections, and readiness of a moment ago has to be forgotten.
  await app.observe()
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  const row = compare(t, weather, await app.observe(), app.logged().slice(before))
  await end()
  await recovers(t, app, row)
}

/** A migrated PostgreSQL of the file's own, behind an address that stays, with room for few connections. */
const server = async (t: Test) => {
  const dataDir = await migratedFolder(t)
  const start = () => startEmbedded({ dataDir, settings: { ...hasty, max_connections: '20' } })
  let cluster = await start()
  t.teardown(() => cluster.stop())
  const wire = await countingProxy(t, cluster.url)
  const root = postgres(cluster.url, { max: 1, onnotice: () => {} })
  t.teardown(() => root.end({ timeout: 0 }))
  return {
    dataDir,
    root,
    url: wire.url,
    directUrl: cluster.url,
    /** a connection of the superuser's own to this database */
    administer: (database: string): postgres.Sql => {
      const sql = postgres(cluster.url.replace(/postgres$/, database), { max: 1, onnotice: () => {} })
      t.teardown(() => sql.end({ timeout: 0 }))
      return sql
    },
    stop: () => cluster.stop(),
    startAgain: async () => {
      cluster = await start()
      wire.redirect(cluster.url)
    },
  }
}

t.test('weathers', async (t) => {
  const { url, directUrl, dataDir, root, administer, stop, startAgain } = await server(t)

  await t.test('silent', async (t) => {
    const main = await postmaster(dataDir)
    const signal = async (name: NodeJS.Signals) => {
      const { stdout } = await run('ps', ['-o', 'pid=', '--ppid', String(main)])
      for (const pid of [main, ...stdout.split('\n').map(Number).filter(Boolean)]) {
        try {
          process.kill(pid, name)
        } catch {
          // A backend may have ended meanwhile.
        }
      }
    }
    t.teardown(() => signal('SIGCONT'))
    const app = await instance(t, url)
    await through(t, 'silent', app, { begin: () => signal('SIGSTOP'), end: () => signal('SIGCONT') })
  })

  await t.test('read-only', async (t) => {
    const turn = (value: string) => async () => {
      await root.unsafe(`alter system set default_transaction_read_only = ${value}`)
      await root`select pg_reload_conf()`
    }
    await through(t, 'read-only', await instance(t, url), { begin: turn('on'), end: turn('off') })
  })

  await t.test('no connection left', async (t) => {
    const running = await instance(t, url)
    const others: postgres.Sql[] = []
    const fill = async () => {
      for (let isLetIn = true; isLetIn; ) {
        const other = postgres(directUrl, { max: 1, onnotice: () => {} })
        others.push(other)
        isLetIn = await other`select 1`.then(
          () => true,
          () => false,
        )
      }
    }
    const free = async () => {
      await Promise.all(others.splice(0).map((other) => other.end({ timeout: 0 })))
    }
    t.teardown(free)
    await through(t, 'no connection left, for an instance that has some', running, { begin: fill, end: free })
    await fill()
    const fresh = await instance(t, url)
    const row = compare(t, 'no connection left, for a new instance', await fresh.observe(), fresh.logged())
    await free()
    await recovers(t, fresh, row)
  })

  await t.test('a pooler that is full', { skip: missingPoolerReason }, async (t) => {
    const folder = join(await testFolder(t), 'pooler')
    const pooler = await startPooler({ folder, clusterUrl: directUrl, logins: [], poolSize: 1 })
    t.teardown(() => pooler.stop())
    const pooled = throughPooler(directUrl, pooler.port)
    const holder = connect({ url: pooled, max: 1, prepare: 'auto', statementTimeoutMs: 60_000 })
    t.teardown(() => holder.close(0))
    let free = () => {}
    let held: Promise<unknown> = Promise.resolve()
    const hold = () =>
      new Promise<void>((isHeld, reject) => {
        held = holder.asUser('bob', async (sql) => {
          await sql`select 1`
          const freed = new Promise<void>((resolve) => {
            free = resolve
          })
          isHeld()
          await freed
        })
        held.catch(reject)
      })
    const release = async () => {
      free()
      await held
    }
    await through(t, 'pooler full', await instance(t, pooled), { begin: hold, end: release })
  })

  await t.test('disk full', async (t) => {
    const owner = (await stat(join(dataDir, 'postgres/data'))).uid
    const folder = await smallDisk(t, owner)
    if (!folder) return t.comment('not made: only root may mount a small disk, and not in every container')
    await root.unsafe(`create tablespace small location '${folder}'`)
    await root.unsafe('create database small tablespace small')
    t.teardown(async () => {
      await root.unsafe('drop database small with (force)')
      await root.unsafe('drop tablespace small')
      // After it no start asks for the disk, which is gone by then.
      await root.unsafe('checkpoint')
    })
    const address = url.replace(/postgres$/, 'small')
    await migrate(address)
    const small = administer('small')
    const app = await instance(t, address)
    const add = (rows: number) =>
      small`insert into public.ballast select repeat(md5(n::text), 20) from generate_series(1, ${rows}::integer) n`
    const fill = async () => {
      await small`create table public.ballast (text text)`
      for (let rows = 4_000; rows >= 1; ) {
        rows = await add(rows).then(
          () => rows,
          () => Math.floor(rows / 2),
        )
      }
      // There is some room in the tables' last pages yet.
      const body = { message: 'x'.repeat(9_000) }
      for (let sent = 0; sent < 500; sent += 1) {
        if ((await app.call('POST', '/api/alice/chat', { body })).status !== 200) return
      }
      t.fail('the disk was never full')
    }
    await through(t, 'disk full', app, { begin: fill, end: () => small`drop table public.ballast` })
  })

  await t.test('a clock that jumps', async (t) => {
    const app = await instance(t, url)
    const setClock = await stopClock(administer('postgres'))
    for (const [direction, shiftMs] of [
      ['forward', 3_600_000],
      ['back', -3_600_000],
    ] as const) {
      await through(t, `the server's clock jumps ${direction} an hour`, app, {
        begin: () => setClock(new Date(Date.now() + shiftMs)),
        end: () => setClock(new Date()),
      })
    }
  })

  await t.test('away', async (t) => {
    await through(t, 'away', await instance(t, url), { begin: stop, end: startAgain })
  })
})

/** A folder on a disk of its own that holds little; undefined where this machine lets nobody mount one. */
const smallDisk = async (t: Test, uid: number): Promise<string | undefined> => {
  const disk = join(await testFolder(t), 'small')
  await mkdir(disk)
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=40m,mode=755', 'tmpfs', disk]).catch(
    () => undefined,
  )
  if (!mounted) return undefined
  t.teardown(() => run('umount', ['-l', disk]))
  const folder = join(disk, 'space')
  await mkdir(folder)
  await chown(folder, uid, uid)
  return folder
}

t.test('the guide has no other rows', { skip: missingPoolerReason }, async (t) => {
  const unseen = [...table.keys()].filter((weather) => !seen.has(weather) && weather !== 'disk full')
  t.same(unseen, [], 'every row has its test')
})
