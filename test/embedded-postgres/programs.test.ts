import { spawnSync } from 'node:child_process'
import { chmod, chown, mkdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { linkLibraries } from '../../src/embedded-postgres/binaries.js'
import { packageRoot } from '../../src/root.js'
import { testCluster, testFolder } from '../helpers/cluster.js'
import { copyOfPrograms, isAnswering, start, starter } from '../helpers/embedded.js'

const isRoot = process.getuid?.() === 0
const nobody = { uid: 65534, gid: 65534 }
const root = fileURLToPath(packageRoot)

t.test('programs whose install script was blocked get their links', async (t) => {
  const folder = await testFolder(t)
  const { native, binaries } = await copyOfPrograms(folder)
  const links: { target: string }[] = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8'))
  for (const { target } of links) await rm(join(folder, target))
  await t.rejects(
    start(t, join(folder, 'early'), { binaries }),
    /cannot be run as/,
    'without the links they cannot be run',
  )
  await Promise.all(Array.from({ length: 4 }, () => linkLibraries(native)))
  const { url } = await start(t, join(folder, 'data'), { binaries })
  t.ok(await isAnswering(url), 'with the links the database works')
})

t.test('missing programs are named', async (t) => {
  const binaries = { initdb: '/nowhere/initdb', postgres: '/nowhere/postgres' }
  await t.rejects(
    start(t, join(await testFolder(t), 'data'), { binaries }),
    /cannot be run as.*\/nowhere\/postgres.*DATABASE_URL/s,
    'the error names the program and a way out',
  )
})

t.test('a data folder that cannot be is named', async (t) => {
  await t.rejects(
    start(t, '/dev/null/data'),
    /\/dev\/null\/data cannot be written to.*DATA_DIR.*DATABASE_URL/,
    'the error names the folder and both ways out',
  )
})

t.test('two clusters run side by side', async (t) => {
  const [one, other] = await Promise.all([testCluster(t), testCluster(t)])
  t.not(one.url, other.url, 'each has an address of its own')
})

t.test('root starts it as another user', { skip: isRoot ? false : 'this is not root' }, async (t) => {
  const folder = await testFolder(t)
  await chmod(folder, 0o700)
  const closed = join(folder, 'closed')
  const { native, binaries } = await copyOfPrograms(folder)
  await linkLibraries(native)
  const first = await start(t, closed, { binaries })
  t.ok(await isAnswering(first.url), 'under a folder that is closed to it')
  t.equal((await stat(join(closed, 'postgres'))).uid, nobody.uid, 'its files belong to another user')
  await first.stop()
  await start(t, closed, { binaries })

  await chmod(folder, 0o755)
  const home = join(folder, 'home')
  await mkdir(home)
  await chown(home, 1, 1)
  await start(t, join(home, 'data'))
  t.equal((await stat(join(home, 'data'))).uid, 1, 'as the owner of the place')
})

const isClosed = isRoot && spawnSync('test', ['-r', join(root, 'package.json')], nobody).status !== 0
const skip = isRoot ? isClosed && `the user nobody cannot read ${root}` : 'the other tests run as one'

t.test('an ordinary user starts it', { skip }, async (t) => {
  const folder = await testFolder(t)
  await chown(folder, nobody.uid, nobody.gid)
  const { url } = starter(t, join(folder, 'data'), nobody)
  t.ok(await isAnswering(await url), 'the database works')
  t.equal((await stat(join(folder, 'data'))).mode & 0o777, 0o700, 'the folder is closed to others')
})
