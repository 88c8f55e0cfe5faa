import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { connect } from '../../src/db/connect.js'
import { echo } from '../../src/models/echo.js'
import type { Model } from '../../src/models/model.js'
import { type Json, type TestAppOptions, testApp, tokenOf } from '../helpers/app.js'
import { builtProgram } from '../helpers/program.js'
import { claims, hs256 } from '../helpers/tokens.js'
import { until, within } from '../helpers/wait.js'

/** A test app, with the lines that it logs. */
const logging = async (t: Test, options: TestAppOptions = {}) => {
  const lines: Json[] = []
  const write = (line: string): void => void lines.push(JSON.parse(line))
  const app = await testApp(t, { ...options, log: pino({ level: 'info' }, { write }) })
  /** The lines about the request that was answered so, when its own line has come. */
  const about = async (headers: Headers): Promise<Json[]> => {
    const own = () => lines.filter(({ request_id }) => request_id === headers.get('x-request-id'))
    await until(() => own().some(({ msg }) => msg === 'request'), 'the line of the request')
    return own()
  }
  return { ...app, lines, about }
}

t.test('a request is one line: what it was, how it ended, how long it took', async (t) => {
  const { call, about } = await logging(t)
  const { headers } = await call('POST', '/api/alice/chat', { body: { message: 'not for the log' } })
  const lines = await about(headers)
  t.equal(lines.length, 1, 'one line')
  t.match(lines[0], { level: 30, operation: 'createTurn', status: 200 }, 'with the operation and the status')
  t.ok(lines[0].ms >= 0 && lines[0].ms < 60_000, 'in milliseconds')
})

t.test('a 503 says in the log what the database said, and in the answer only that it is away', async (t) => {
  const url = 'postgres://somebody:hIdden-word@127.0.0.1:1/chat'
  const db = connect({ url, max: 1, prepare: 'auto' })
  const { call, about, lines } = await logging(t, { db })
  for (const [method, path, body] of [
    ['POST', '/api/alice/chat', { message: 'hi' }],
    ['GET', '/api/alice/conversations', undefined],
    ['GET', '/health/ready', undefined],
  ] as const) {
    const answer = await call(method, path, { body })
    t.match(answer, { status: 503, body: { code: 'database-unavailable' } }, path)
    t.notMatch(answer.text, /ECONNREFUSED|127\.0\.0\.1/, `${path}: nothing of the cause in the answer`)
    const errors = (await about(answer.headers)).filter(({ level }) => level === 50)
    t.equal(errors.length, 1, `${path}: one error`)
    t.match(errors[0], { code: 'database-unavailable' }, path)
    t.match(JSON.stringify(errors[0].err), /ECONNREFUSED/, `${path}: with its cause`)
  }
  t.notMatch(JSON.stringify(lines), /hIdden-word/, 'no password')
})

t.test('a fault of ours is logged with its stack, and not told', async (t) => {
  const failing: Model = { ...echo(), name: 'broken' }
  Object.defineProperty(failing, 'run', {
    get() {
      throw new TypeError('a word for us alone')
    },
  })
  const { call, lines } = await logging(t, { model: failing })
  const answer = await call('POST', '/api/alice/chat', { body: { message: 'hi' } })
  t.ok(answer.status >= 500, `${answer.status}`)
  t.notMatch(answer.text, /a word for us alone/, 'the answer does not show the cause')
  const logged = lines.filter(({ level }) => level >= 40)
  t.match(JSON.stringify(logged), /a word for us alone/, 'the log shows the cause')
  t.match(JSON.stringify(logged), /logged\.test/, 'where it was thrown')
})

t.test('a token that is refused leaves its reason, and nothing of itself', async (t) => {
  const { url, about } = await logging(t)
  const now = Math.floor(Date.now() / 1_000)
  const refused: [reason: string, token: string][] = [
    ['expired', hs256(claims({ exp: now - 1_000, iss: undefined, aud: undefined }))],
    [
      'signed by another',
      hs256(claims({ iss: undefined, aud: undefined }), {}, 'another secret of 32 bytes or more'),
    ],
    ['no token at all', 'x.y.z'],
  ]
  const reasons = new Set<string>()
  for (const [what, token] of refused) {
    const answer = await fetch(`${url}/api/alice/conversations`, {
      headers: { authorization: `Bearer ${token}` },
    })
    t.equal(answer.status, 401, what)
    const said = await about(answer.headers)
    t.match(
      said,
      [{ level: 30, status: 401, refusal: { reason: String } }],
      `${what}: one line, no error of ours`,
    )
    t.equal(said.length, 1, `${what}: one line`)
    reasons.add(said[0].refusal.reason)
    t.notOk(JSON.stringify(said).includes(token.split('.')[2] || 'x.y.z'), `${what}: without the token`)
  }
  t.equal(reasons.size, refused.length, 'the reasons can be told apart')
})

t.test('what users say and who they are is in no line', async (t) => {
  const { url, chat, call, lines } = await logging(t)
  const user = 'uSer-who'
  const { conversation_id } = await chat('a seCret message', { user })
  await call('PATCH', `/api/${user}/conversations/${conversation_id}`, {
    user,
    body: { title: 'a seCret title', metadata: { a: 'seCret' } },
  })
  await call('POST', `/api/${user}/chat`, { user, body: { message: 1, seCret: 1 } })
  await call('POST', `/api/${user}/chat`, { user, body: '{"message": seCret' })
  await call('GET', `/api/${user}/conversations?cursor=seCret`, { user })
  await fetch(`${url}/api/seCret/nowhere?seCret`, { headers: { authorization: `Bearer ${tokenOf(user)}` } })
  await until(() => lines.filter(({ msg }) => msg === 'request').length >= 6, 'the lines of the requests')
  t.notMatch(JSON.stringify(lines), /seCret|uSer-who|Bearer|eyJ/, 'no text, id, or token is in the log')
})

t.test('a reader of the log that has stopped holds up nothing', async (t) => {
  const log = pathToFileURL(join(builtProgram(), 'src/log.js')).href
  const script = `
    import { createLog } from ${JSON.stringify(log)}
    const log = createLog('info')
    for (let line = 0; line < 20_000; line += 1) log.info({ text: 'x'.repeat(200) }, 'a line')
    setImmediate(() => process.stderr.write('all said'))
    setTimeout(() => {}, 60_000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [words] = await within('a process whose log nobody reads', once(child.stderr, 'data'))
  t.equal(String(words), 'all said', 'it went on')
})

t.test('an error is logged with its stack, and with those of its causes', async (t) => {
  const log = pathToFileURL(join(builtProgram(), 'src/log.js')).href
  const script = `
    import { createLog } from ${JSON.stringify(log)}
    createLog('info').error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = await within('the line', once(child.stdout, 'data'))
  const at = /\n {4}at /
  t.match(
    JSON.parse(line),
    { err: { message: 'outer', stack: at, cause: { message: 'inner', stack: at } } },
    'both',
  )
})
