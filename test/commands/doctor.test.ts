import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { doctor as runDoctor } from '../../src/commands/doctor.js'
import { readConfig } from '../../src/config.js'
import { packageRoot } from '../../src/root.js'
import { betterAuth } from '../helpers/better-auth.js'
import { testFolder } from '../helpers/cluster.js'
import { testDatabase } from '../helpers/database.js'
import { listen } from '../helpers/listen.js'
import { runColloquy, runInTerminal, spawnColloquy, startServer } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'
import { until } from '../helpers/wait.js'

const doctor = async (env: Record<string, string>) => {
  const { code, stdout, stderr } = await runColloquy(['doctor'], {
    env: { BETTER_AUTH_SECRET: SECRET, ...env },
  })
  return { code, stderr, lines: stdout.trim().split('\n') }
}

/** The same in this process, which costs a tenth; what the command makes of it is for the tests with the other one. */
const doctorHere = async (t: Test, env: Record<string, string>) => {
  const printed = t.capture(console, 'log')
  try {
    const code = (await runDoctor(async () => readConfig({ BETTER_AUTH_SECRET: SECRET, ...env }), false))
      ? 0
      : 1
    return { code, lines: printed().map(({ args }) => String(args[0])) }
  } finally {
    printed.restore()
  }
}

const wellKept = [
  /^ok {4}database: PostgreSQL \d+\.\d+/,
  /^ok {4}migrations: up to date$/,
  /^ok {4}role: \w+, serving requests as colloquy_app$/,
  /^ok {4}row-level security: forced on every table/,
  /^ok {4}schema: as this program creates it$/,
  /^ok {4}keys: accepts tokens with sub and exp, signed by HS256 with BETTER_AUTH_SECRET \(iss any, aud any\)/,
  /^ok {4}model: echo$/,
  /^ok {4}browser origins: no pages of other origins are allowed \(CHAT_CORS_ORIGINS is not set\)$/,
  /^ok {4}chat page: off, since it needs BETTER_AUTH_URL$/,
]

/** The lines of a healthy one with some in their place. */
const but = (changes: Record<number, RegExp>) => wellKept.map((line, i) => changes[i] ?? line)

/** A web server with this one answer. */
const answering = (t: Test, status: number, body: string): Promise<string> =>
  listen(
    t,
    createServer((_, response) => response.writeHead(status).end(body)),
  )

t.test('a line for each thing, exit code 0 when all are well', async (t) => {
  const { url } = await testDatabase(t)
  const auth = await betterAuth(t)
  await auth.signUp()
  const CHAT_CORS_ORIGINS = 'https://a.example,https://b.example'
  const seen = await doctor({ DATABASE_URL: url, BETTER_AUTH_URL: auth.url, CHAT_CORS_ORIGINS })
  const keys = new RegExp(
    `^ok    keys: .* HS256 .*; or 1 published at ${auth.jwksUrl} \\(iss ${auth.url}, aud ${auth.url}\\): EdDSA \\w+$`,
  )
  const origins = /^ok {4}browser origins: pages of https:\/\/a\.example, https:\/\/b\.example are allowed$/
  const page = new RegExp(
    `^ok {4}chat page: at /, with tokens of ${auth.url}/api/auth/token; who is signed out is sent to ${auth.url}$`,
  )
  t.match(
    seen,
    { code: 0, stderr: '', lines: but({ 0: /^ok.*, at DATABASE_URL$/, 5: keys, 7: origins, 8: page }) },
    'every check passes',
  )
  t.same(seen.lines.slice(wellKept.length), ['9 checks passed'], 'and there is no other line')
})

t.test('the guide shows what doctor prints', async (t) => {
  const { url } = await testDatabase(t)
  const DATA_DIR = await testFolder(t)
  const { lines } = await doctorHere(t, { DATABASE_URL: url, DATA_DIR, BETTER_AUTH_SECRET: '' })
  const guide = await readFile(new URL('src/commands/README.md', packageRoot), 'utf8')
  const [, shown = ''] = /-- doctor\n(.*?)\n```/s.exec(guide) ?? []
  // The database and its role are others here.
  const common = (text: string) => text.replaceAll(DATA_DIR, '.colloquy').replace(/(database|role): .*/g, '')
  t.equal(common(lines.join('\n')), common(shown), 'to the word')
})

t.test('a database that is not there', async (t) => {
  const notChecked = but({
    0: /^FAIL {2}database: at DATABASE_URL: database unavailable: connect ECONNREFUSED 127\.0\.0\.1:1$/,
    1: /^- {5}migrations: not checked, because the database check failed$/,
    2: /^- {5}role: not checked, because the migrations check failed$/,
    3: /^- {5}row-level security: not checked, because the migrations check failed$/,
    4: /^- {5}schema: not checked, because the migrations check failed$/,
  })
  const seen = await doctorHere(t, { DATABASE_URL: 'postgres://u:p@127.0.0.1:1/c' })
  t.match(seen, { code: 1, lines: notChecked }, 'what needs the database is not checked')
  t.equal(seen.lines.at(-1), '1 of 9 checks failed: database', 'the last line says which')
})

t.test('an empty database, and migrate, which mends it', async (t) => {
  const { url } = await testDatabase(t, { migrated: false })
  const other = await testDatabase(t, { migrated: false })
  const env = { DATABASE_URL: url }
  const missing = /^FAIL {2}migrations: missing 1 [a-z-]+.*; run "colloquy migrate"/
  t.match(
    await doctorHere(t, env),
    { code: 1, lines: but({ 1: missing, 2: /^- /, 3: /^- /, 4: /^- / }) },
    'doctor names what is missing and how to mend it',
  )
  const migrate = () => runColloquy(['migrate'], { env })
  const onTerminal = await runInTerminal(['migrate'], { env: { ...env, DATABASE_URL: other.url } })
  // What is printed above the line of progress draws it anew; a frame before that is not certain on a fast machine.
  t.match(onTerminal, /applied the migration 1 .*1 of \d+: migration 1 /s, 'a terminal sees how far it is')
  t.match(
    await migrate(),
    {
      code: 0,
      stderr: '',
      stdout: /^(applied the migration .+\n)+applied the functions .+\nThe database is up to date now\.\n$/,
    },
    'migrate brings the database up to date',
  )
  t.match(
    await migrate(),
    { code: 0, stdout: /^The database was up to date\.\n$/ },
    'a second time there is nothing to do',
  )
  t.match(await doctorHere(t, env), { code: 0, lines: wellKept }, 'every check of doctor passes')
})

t.test('a table without row-level security, and the printed SQL, which mends it', async (t) => {
  const { url, superuserUrl } = await testDatabase(t)
  const sql = postgres(superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  await sql`alter table colloquy.messages no force row level security`
  const fault =
    /^FAIL {2}row-level security: .*not forced on colloquy\.messages\. As an administrator run: alter /
  const ill = await doctorHere(t, { DATABASE_URL: url })
  t.match(
    ill,
    { code: 1, lines: but({ 3: fault, 4: /^FAIL {2}schema: differs.*: table messages is / }) },
    'doctor names the table and prints the SQL',
  )
  await sql.unsafe(ill.lines[3]?.split('run: ')[1] ?? '')
  t.match(await doctorHere(t, { DATABASE_URL: url }), { code: 0 }, 'that SQL mends it')
})

t.test('keys that cannot be had', async (t) => {
  const { url } = await testDatabase(t)
  const gone = await betterAuth(t)
  await gone.close()
  const faulty: [authUrl: string, text: string][] = [
    [gone.url, `fetch failed (connect ECONNREFUSED ${new URL(gone.url).host})`],
    [await answering(t, 404, '{}'), 'the key set answered 404'],
    [await answering(t, 200, '{"keys": 1}'), 'the document is not a key set'],
    [await answering(t, 200, '{"keys": []}'), 'the key set has no Ed25519, P-256 or RSA key to verify with'],
    [await answering(t, 200, '<html>'), 'Unexpected token'],
  ]
  for (const [authUrl, text] of faulty) {
    const { code, lines } = await doctorHere(t, { DATABASE_URL: url, BETTER_AUTH_URL: authUrl })
    t.match(lines[5], `FAIL  keys: ${authUrl}/api/auth/jwks: ${text}`, `${text}: the line of the keys`)
    t.same([code, lines.filter((line) => line.startsWith('ok')).length], [1, 8], `${text}: the only fault`)
  }
})

t.test('a model that is not there is an error of the configuration', async (t) => {
  const seen = await doctor({ CHAT_MODEL: 'parrot' })
  t.match(
    seen,
    { code: 1, lines: [''], stderr: /^CHAT_MODEL must be echo, or openai\/<model>, .*\n$/ },
    'stderr names the variable and what it may be',
  )
})

t.test('a model of a provider: named when it can be opened, else what is missing', async (t) => {
  const { url } = await testDatabase(t)
  const env = { DATABASE_URL: url, CHAT_MODEL: 'openai/gpt-x', CHAT_MODELS: 'anthropic/claude-x, echo' }
  const missing =
    /^FAIL {2}model: OPENAI_API_KEY must be set: CHAT_MODEL or CHAT_MODELS names a model of openai\.$/
  t.match(
    await doctorHere(t, env),
    { code: 1, lines: but({ 6: missing }) },
    'doctor names the variable that is missing',
  )
  const chained = { ...env, CHAT_MODEL: 'echo,openai/gpt-x', CHAT_MODELS: 'echo|openai/gpt-x' }
  t.match(
    await doctorHere(t, chained),
    { code: 1, lines: but({ 6: missing }) },
    'doctor checks each model of a chain',
  )
  const named = /^ok {4}model: openai\/gpt-x; on request anthropic\/claude-x, echo \(configured; not asked\)$/
  const keys = { OPENAI_API_KEY: 'k3pT-1', ANTHROPIC_API_KEY: 'k3pT-2' }
  const seen = await doctor({ ...env, ...keys })
  t.match(seen, { code: 0, lines: but({ 6: named }) }, 'doctor names the models')
  t.notMatch(`${seen.lines.join()}${seen.stderr}`, /k3pT/, 'and does not print their keys')
  const chain = /^ok {4}model: echo, else openai\/gpt-x \(configured; not asked\)$/
  t.match(
    await doctorHere(t, { ...chained, ...keys }),
    { code: 0, lines: but({ 6: chain }) },
    'doctor names a chain in its order',
  )
})

t.test('the embedded database: on its own, leaving nothing running, and beside a server', async (t) => {
  // Nothing is there yet: migrate makes the cluster, too.
  const DATA_DIR = join(await testFolder(t), 'data')
  const pidFile = () => readFile(join(DATA_DIR, 'postgres/data/postmaster.pid'))
  const migrate = () => runColloquy(['migrate'], { env: { DATA_DIR } })
  t.match(await migrate(), { code: 0, stdout: /is up to date now/ }, 'migrate creates the database')
  await t.rejects(pidFile(), { code: 'ENOENT' }, 'and stops its server')
  t.match(
    await doctor({ DATA_DIR }),
    { code: 0, lines: but({ 0: /^ok.*, embedded in \S+data$/ }) },
    'every check of doctor passes',
  )
  await t.rejects(pidFile(), { code: 'ENOENT' }, 'and stops the database, too')

  // Its keys never come.
  const BETTER_AUTH_URL = await listen(t, createServer())
  const child = spawnColloquy(['doctor'], { env: { DATA_DIR, BETTER_AUTH_URL } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += chunk
    })
  }
  const closed = once(child, 'close')
  await until(() => /^ok {4}schema/m.test(output), 'doctor to ask for the keys')
  child.kill('SIGINT')
  t.same(await closed, [130, null], 'Ctrl-C ends doctor')
  t.match(output, /^ok {4}schema: .*\n$/m, 'without more words')
  await t.rejects(pidFile(), { code: 'ENOENT' }, 'and its database')

  const server = await startServer(t, { env: { DATA_DIR, BETTER_AUTH_SECRET: SECRET } })
  const beside = /^ok {4}database: PostgreSQL \S+, embedded in \S+, run by another process$/
  t.match(
    await doctor({ DATA_DIR }),
    { code: 0, lines: but({ 0: beside }) },
    'doctor asks the database of a running server',
  )
  t.match(await migrate(), { code: 0, stdout: /was up to date/ }, 'and so does migrate')
  t.equal((await fetch(`${server.url}/health/ready`)).status, 200, 'the server goes on')
})
