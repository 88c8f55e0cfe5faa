import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { tokenOf } from '../helpers/app.js'
import { testCluster } from '../helpers/cluster.js'
import { testDatabase } from '../helpers/database.js'
import { runColloquy, type ServerProcess, startServer } from '../helpers/server.js'
import { clusterUrl } from '../helpers/template.js'
import { SECRET } from '../helpers/tokens.js'
import { upstream } from '../helpers/upstream.js'
import { until } from '../helpers/wait.js'

const onDatabase = (DATABASE_URL: string) => ({
  env: { DATABASE_URL, BETTER_AUTH_SECRET: SECRET, PORT: '0' },
})

const connect = (t: Test, url: string): postgres.Sql => {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  return sql
}

const send = ({ url }: ServerProcess, message: string, query = '') =>
  fetch(`${url}/api/alice/chat${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokenOf('alice')}`, 'content-type': 'application/json' },
    body: JSON.stringify({ message }),
  })

t.test('instances that start at once on an empty database migrate it once', async (t) => {
  const { url, superuserUrl } = await testDatabase(t, { migrated: false })
  const servers = await Promise.all([1, 2, 3].map(() => startServer(t, onDatabase(url))))
  for (const server of servers) {
    t.equal((await fetch(`${server.url}/health/ready`)).status, 200, `${server.url} is ready`)
    t.equal((await send(server, 'hi')).status, 200, `${server.url} answers`)
  }
  const applied = servers.flatMap((server) => server.output().match(/applied the migration \d+/g) ?? [])
  const rows = await connect(t, superuserUrl)`select version from colloquy.migrations`
  t.equal(applied.length, rows.length, 'each migration by one of them')
  t.ok(rows.length > 0, 'there are migrations')
})

t.test('a database that a newer Colloquy has migrated is refused', async (t) => {
  const { url, superuserUrl } = await testDatabase(t)
  await connect(t, superuserUrl)`
    insert into colloquy.migrations (version, name, checksum, oldest_program)
    values (9999, 'from-the-future', '', 9999)`
  const { code, stderr } = await runColloquy(['serve'], onDatabase(url))
  t.equal(code, 1, 'the start fails')
  t.match(
    stderr,
    /^colloquy: The database was migrated by a newer Colloquy.*Upgrade this program\.\n$/,
    'stderr says what to do',
  )
})

t.test('a login that bypasses row-level security is refused, with the SQL that mends it', async (t) => {
  // Roles belong to the whole cluster, and colloquy_app must not be there.
  const cluster = await testCluster(t)
  const superuser = connect(t, cluster.url)
  const password = new URL(cluster.url).password
  await superuser.unsafe(`create role "Wide ""Open""" login bypassrls password '${password}'`)
  await superuser.unsafe('create database chat owner "Wide ""Open"""')
  const url = clusterUrl(cluster.url, { user: encodeURIComponent('Wide "Open"'), database: 'chat' })

  const { code, stderr } = await runColloquy(['serve'], onDatabase(url))
  t.equal(code, 1, 'the start fails')
  t.match(
    stderr,
    /^This database would not isolate users from each other:\n- The role Wide "Open" bypasses/,
    'stderr names the role',
  )
  const mend = /run: (.*)$/m.exec(stderr)?.[1] ?? ''
  t.match(mend, /create role colloquy_app nologin; grant .*;/, 'the SQL makes a role that is bound')

  await connect(t, clusterUrl(cluster.url, { database: 'chat' })).unsafe(mend)
  const server = await startServer(t, onDatabase(url))
  t.equal((await send(server, 'hi')).status, 200, 'after it the server works')
  const doctor = await runColloquy(['doctor'], onDatabase(url))
  t.match(
    doctor,
    { code: 0, stdout: /ok {4}role: Wide "Open", serving requests as colloquy_app/ },
    'and doctor accepts its role',
  )
})

t.test('a start that is refused says why in a line, with exit code 1', async (t) => {
  const secret = 'too short a secret'
  const { url } = await testDatabase(t)
  const refused: [env: Record<string, string>, message: RegExp][] = [
    [{ PORT: 'http' }, /^PORT must be an integer from 0 to 65535\.\n$/],
    [{ BETTER_AUTH_SECRET: secret }, /^BETTER_AUTH_SECRET must be at least 32 bytes long\.\n$/],
    [
      { ...onDatabase(url).env, HOST: '192.0.2.1' },
      /^HOST 192\.0\.2\.1 is not an address of this machine\.\n$/,
    ],
    [{ NODE_ENV: 'production' }, /^DATABASE_URL must be set when NODE_ENV=production.*\n$/],
    [
      { DATABASE_URL: `postgres://u:${secret.replaceAll(' ', '')}@127.0.0.1:1/c` },
      /^colloquy: database unavailable: connect ECONNREFUSED 127\.0\.0\.1:1\n$/,
    ],
  ]
  const runs = refused.map(async ([env, message]) => {
    const { code, stdout, stderr } = await runColloquy(['serve'], { env })
    t.same([code, stdout], [1, ''], JSON.stringify(env))
    t.match(stderr, message, `${JSON.stringify(env)}: why`)
  })
  await Promise.all(runs)
})

t.test('whoever sends a second signal later does not want to wait for the turns', async (t) => {
  const { url } = await testDatabase(t)
  const provider = await upstream(t)
  const { env } = onDatabase(url)
  const server = await startServer(t, {
    env: { ...env, CHAT_MODEL: 'openai-compatible/m', OPENAI_COMPATIBLE_BASE_URL: provider.url },
  })
  const turn = send(server, 'never answered').catch(() => undefined)
  await until(() => provider.requests.length === 1, 'the model to be asked')
  server.child.kill('SIGTERM')
  server.child.kill('SIGTERM')
  await server.printed(/shutting down/)
  // Past the second in which signals count as one.
  await sleep(1_500)
  t.equal(server.child.exitCode, null, 'two at once are one, and the turn is waited for')
  server.child.kill('SIGTERM')
  t.equal(await server.ended, 143, 'a later one ends it at once, with the code of the signal')
  await turn
})

t.test('the log has a line for each request, and nothing of what users say', async (t) => {
  const { url } = await testDatabase(t)
  const { env } = onDatabase(url)
  const server = await startServer(t, { env: { ...env, LOG_LEVEL: 'trace' } })
  const answers = [
    await send(server, 'whispered-message'),
    await send(server, '\0 whispered-message'),
    await send(server, 'whispered-message', '?q=whispered-query'),
    await fetch(`${server.url}/nowhere/whispered-path?q=whispered-query`),
    await fetch(`${server.url}/api/alice/chat`, {
      method: 'POST',
      headers: { authorization: 'Bearer whispered.a.b' },
    }),
  ]
  t.same(
    answers.map(({ status }) => status),
    [200, 400, 422, 404, 401],
    'each request has its own status',
  )
  await server.end()
  const lines = server
    .output()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const requests = lines.filter(({ msg }) => msg === 'request')
  // A line is written after its answer has left, so the next request's may come before it; ids rise with time.
  t.same(
    requests.map(({ request_id, status, operation }) => [request_id, status, operation]).sort(),
    answers
      .map(({ headers, status }, i) => [
        headers.get('x-request-id'),
        status,
        i === 3 ? undefined : 'createTurn',
      ])
      .sort(),
    'each is a line with its id, status and operation',
  )
  t.notMatch(server.output(), 'whispered', 'no message, query or path')
  t.notMatch(server.output(), tokenOf('alice'), 'no token')
  t.notMatch(server.output(), SECRET, 'no secret')
})
