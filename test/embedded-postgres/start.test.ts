import { spawnSync } from 'node:child_process'
import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { identify } from '../../src/embedded-postgres/process.js'
import { startEmbedded } from '../../src/embedded-postgres/start.js'
import { hasty, initialisedFolder, testFolder } from '../helpers/cluster.js'
import { isAnswering, postmaster, query, start, starter } from '../helpers/embedded.js'
import { until } from '../helpers/wait.js'

const isRoot = process.getuid?.() === 0

t.test('a first start makes a cluster, a later one finds its data', async (t) => {
  const dataDir = join(await testFolder(t), 'data')
  const lines: string[] = []
  const first = await startEmbedded({ dataDir, settings: hasty, log: (line) => lines.push(line) })
  t.match(lines, [/^creating a PostgreSQL \d+ cluster in /], 'the creation is logged')
  t.match(
    new URL(first.url),
    { hostname: '127.0.0.1', username: 'postgres', password: /^\S{32}$/ },
    'the URL is local and has a random password',
  )
  const [settings] = await query(
    first.url,
    `select current_setting('server_encoding') as encoding, current_setting('timezone') as zone,
       current_setting('unix_socket_directories') as sockets, current_setting('listen_addresses') as addresses,
       current_setting('fsync') as fsync, lower('É') as lower, 'Z' < 'a' as by_code_point`,
  )
  t.strictSame(
    settings,
    {
      encoding: 'UTF8',
      zone: 'UTC',
      sockets: '',
      addresses: '127.0.0.1',
      fsync: 'off',
      lower: 'é',
      by_code_point: true,
    },
    'the cluster has the settings that the program relies on',
  )
  const stranger = new URL(first.url)
  stranger.password = 'guess'
  await t.rejects(
    query(stranger.href, 'select 1'),
    { code: '28P01' },
    'without the password nobody is let in',
  )
  await query(first.url, 'create table kept as select 42 as answer')
  await Promise.all([first.stop(), first.stop()])
  t.equal(await first.exited, undefined, 'it ends without an error')

  const second = await start(t, dataDir)
  t.strictSame(await query(second.url, 'select answer from kept'), [{ answer: 42 }], 'the data is there')
  const modeOf = async (path: string) => (await stat(join(dataDir, path))).mode & 0o777
  const modes = { '.': isRoot ? 0o711 : 0o700, postgres: 0o700, 'postgres/password': 0o600 }
  for (const [path, mode] of Object.entries(modes))
    t.equal(await modeOf(path), mode, `"${path}" cannot be read by others`)
  t.equal(await readFile(join(dataDir, '.gitignore'), 'utf8'), '*\n', 'git ignores the folder')
})

t.test('a killed program leaves a server behind, which the next start ends', async (t) => {
  const dataDir = await initialisedFolder(t)
  const killed = starter(t, dataDir)
  await query(await killed.url, 'create table kept as select 42 as answer')
  const orphan = await postmaster(dataDir)
  killed.child.kill('SIGKILL')
  await killed.exited
  t.ok(identify(orphan), 'PostgreSQL outlives the program')
  t.ok(process.kill(-orphan, 0), 'in a group of its own, out of reach of Ctrl-C')

  const attempts = await Promise.allSettled(Array.from({ length: 6 }, () => start(t, dataDir)))
  const winners = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []))
  t.equal(winners.length, 1, 'of several that start at the same moment one wins')
  for (const [i, attempt] of attempts.entries())
    if (attempt.status === 'rejected') t.match(attempt.reason, /in use/, `start ${i} finds the folder in use`)
  t.notOk(identify(orphan), 'the server that was left behind has ended')
  t.strictSame(
    await query(winners[0]?.url ?? '', 'select answer from kept'),
    [{ answer: 42 }],
    'its data is there',
  )
})

t.test('a data folder in use is refused', async (t) => {
  const dataDir = await initialisedFolder(t)
  const other = starter(t, dataDir)
  const url = await other.url
  const refusal = {
    message: new RegExp(`${dataDir} is in use by process ${other.child.pid}.*DATABASE_URL.*DATA_DIR`),
  }
  await t.rejects(start(t, dataDir), refusal, 'the refusal names the process and both ways out')
  t.ok(await isAnswering(url), 'the other one goes on')
})

t.test('a first start that was killed is done again', async (t) => {
  const dataDir = join(await testFolder(t), 'data')
  const killed = starter(t, dataDir)
  const drafts = async () =>
    (await readdir(dataDir).catch(() => [])).filter((name) => name.startsWith('postgres.new-'))
  await until(async () => (await drafts()).length > 0, 'initdb to begin')
  await sleep(150)
  killed.child.kill('SIGKILL')
  await killed.exited
  t.equal((await drafts()).length, 1, 'the kill leaves the unfinished cluster')
  const { url } = await start(t, dataDir)
  t.equal((await drafts()).length, 0, 'the next start removes it')
  t.ok(await isAnswering(url), 'and works')
})

t.test('a postmaster.pid that names no server of this folder does not block', async (t) => {
  const dataDir = await initialisedFolder(t)
  await (await start(t, dataDir)).stop()
  const pidFile = join(dataDir, 'postgres/data/postmaster.pid')
  const gone = spawnSync('true').pid
  for (const pid of [gone, process.pid]) {
    await writeFile(pidFile, `${pid}\n${join(dataDir, 'postgres/data')}\n1700000000\n5432\n\n127.0.0.1\n`)
    await (await start(t, dataDir)).stop()
  }
  const running = await start(t, dataDir)
  const copy = join(await testFolder(t), 'copy')
  await cp(dataDir, copy, { recursive: true, filter: (path) => !path.includes('/owner.') })
  if (isRoot) spawnSync('chown', ['-R', '65534:65534', join(copy, 'postgres')])
  await start(t, copy)
  t.ok(identify(await postmaster(dataDir)), "a copied folder does not end the original's server")
  t.ok(await isAnswering(running.url), 'and that server still answers')
})

t.test('a server that dies says why, and can be started again', async (t) => {
  const dataDir = await initialisedFolder(t)
  const cluster = await start(t, dataDir)
  process.kill(await postmaster(dataDir), 'SIGQUIT')
  t.match(
    await cluster.exited,
    { message: /exited unexpectedly.*postgres\.log ends with:\n.*immediate shutdown/s },
    'the error has the end of its log',
  )
  await cluster.stop()
  await start(t, dataDir)
})

t.test('a start that fails has the words of PostgreSQL', async (t) => {
  const dataDir = await initialisedFolder(t)
  await t.rejects(
    start(t, dataDir, { settings: { shared_buffers: 'many' } }),
    /invalid value.*"shared_buffers"/,
    'the error quotes PostgreSQL',
  )
  await start(t, dataDir)
})

t.test('a cluster of another major version is refused', async (t) => {
  const dataDir = await initialisedFolder(t)
  await (await start(t, dataDir)).stop()
  await writeFile(join(dataDir, 'postgres/data/PG_VERSION'), '9\n')
  await t.rejects(
    start(t, dataDir),
    /made by PostgreSQL 9, and this is PostgreSQL \d+.*DATA_DIR.*DATABASE_URL/,
    'the refusal names both versions and both ways out',
  )
})
