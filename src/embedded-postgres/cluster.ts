import { randomBytes } from 'node:crypto'
import { chown, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { User } from './folder.js'
import { type Runner, run } from './runner.js'

/** The folder of the cluster and its password: created under another name, then renamed, so that it is never incomplete. */
const name = 'postgres'
const unfinished = `${name}.new-`

interface ClusterFiles {
  data: string
  password: string
}

const chownTo = async (path: string, user: User | undefined) => {
  if (user) await chown(path, user.uid, user.gid)
}

const create = async (folder: string, runner: Runner, initdb: string, version: number, sync: boolean) => {
  const draft = await mkdtemp(join(folder, unfinished))
  const password = join(draft, 'password')
  await writeFile(password, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
  await chownTo(password, runner.user)
  await chownTo(draft, runner.user)
  // Both variants sort text by code point and fold case beyond ASCII; since version 17 without a locale of the system.
  const locale =
    version >= 17
      ? ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
      : ['--locale=C.UTF-8', '--lc-messages=C']
  await run(runner, initdb, [
    `--pgdata=${join(draft, 'data')}`,
    '--username=postgres',
    '--auth=scram-sha-256',
    `--pwfile=${password}`,
    '--encoding=UTF8',
    ...locale,
    ...(sync ? [] : ['--no-sync']),
  ]).catch((cause: { stderr?: string }) => {
    throw new Error(
      `initdb could not make a PostgreSQL cluster in ${folder}:\n${cause.stderr?.trim() || cause}\n` +
        'Set another DATA_DIR, or set DATABASE_URL to a PostgreSQL of yours.',
      { cause },
    )
  })
  await rename(draft, join(folder, name))
}

/** Opens the folder's cluster, and creates it if there is none. An interrupted first start is repeated. */
export const openCluster = async (options: {
  folder: string
  runner: Runner
  initdb: string
  version: number
  sync: boolean
  begin: (step: string) => void
}): Promise<ClusterFiles> => {
  const { folder, runner, initdb, version, sync, begin } = options
  const names = await readdir(folder)
  for (const draft of names.filter((entry) => entry.startsWith(unfinished))) {
    await rm(join(folder, draft), { recursive: true, force: true, maxRetries: 3 })
  }
  if (!names.includes(name)) {
    begin(`creating a PostgreSQL ${version} cluster in ${folder}`)
    await create(folder, runner, initdb, version, sync)
  }
  const data = join(folder, name, 'data')
  const found = await readFile(join(data, 'PG_VERSION'), 'utf8').catch((cause: unknown) => {
    throw new Error(`${data} is not a PostgreSQL cluster: move ${join(folder, name)} away to start afresh.`, {
      cause,
    })
  })
  if (Number(found) !== version) {
    throw new Error(
      `${data} was made by PostgreSQL ${found.trim()}, and this is PostgreSQL ${version}. Carry the data over with ` +
        'pg_dump of the old version, use another DATA_DIR, or set DATABASE_URL.',
    )
  }
  return { data, password: (await readFile(join(folder, name, 'password'), 'utf8')).trim() }
}
