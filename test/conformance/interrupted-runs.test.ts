import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { tokenOf } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { builtProgram } from '../helpers/program.js'
import { runColloquy, spawnColloquy, startServer } from '../helpers/server.js'
import { claims, hs256, SECRET } from '../helpers/tokens.js'
import { until, within } from '../helpers/wait.js'
import { parrot } from './parrot.js'
import { tokens } from './served.js'

const conversationsOf = async (url: string, user: string): Promise<number> => {
  const headers = { authorization: `Bearer ${tokenOf(user)}` }
  const response = await fetch(`${url}/api/${user}/conversations?limit=100`, { headers })
  return ((await response.json()) as { data: unknown[] }).data.length
}

const ctrlC = async (t: Test, url: string): Promise<void> => {
  const child = spawnColloquy(['conformance', '--url', url], { env: tokens() })
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  const closed = once(child, 'close')
  t.teardown(() => child.kill('SIGKILL'))
  await until(() => stderr.includes('50 of '))
  child.kill('SIGINT')
  const [code] = await within('the end of an interrupted run', closed)
  t.equal(code, 130, 'it exits with 130')
  t.match(stdout, /^The run was cut short: SIGINT was received\.$/m, 'it says why it has ended')
  t.match(stdout, /^[5-9]\d+ checks: \d+ passed, /m, 'it reports what it has found so far')
  t.equal(await conversationsOf(url, 'alice'), 0, 'and leaves no conversation behind')
}

/** Node's own pipes are sockets, which fail in another way than those of a shell. */
const closedPipe = async (t: Test, url: string): Promise<void> => {
  // Enough for several lines of progress: the second one that cannot be written is what ends a process.
  const groups = 'answer,no-token,bad-token,options,other-user,unknown-query,unreadable,wrong-method'
  const args = ['bundle/src/main.js', 'conformance', '--url', url, '--only', groups]
  const child = spawn(
    'bash',
    ['-o', 'pipefail', '-c', '"$@" 2>&1 | true', 'bash', process.execPath, ...args],
    {
      cwd: builtProgram(),
      env: { PATH: process.env.PATH, ...tokens() },
      stdio: 'ignore',
    },
  )
  t.teardown(() => child.kill('SIGKILL'))
  const [code] = await within('the end of a run that nobody reads', once(child, 'close'))
  t.equal(code, 0, 'a run whose checks pass is a success, though nobody reads its report')
  t.equal(await conversationsOf(url, 'alice'), 0, 'and it leaves no conversation behind')
}

t.test('a model that answers at once, wrong tokens, and Ctrl-C', async (t) => {
  const { url: DATABASE_URL } = await testDatabase(t)
  const { url } = await startServer(t, { env: { DATABASE_URL, BETTER_AUTH_SECRET: SECRET } })

  const env = { ...tokens(), COLLOQUY_TOKEN_B: `${tokenOf('bob').slice(0, -9)}AAAAAAAAA` }
  const refused = await runColloquy(['conformance', '--url', url], { env })
  t.same([refused.code, refused.stdout], [2, ''], 'a token that does not verify')
  t.match(refused.stderr, /refuses the token of user B \(bob\): 401/, 'it says which')

  const other = ['conformance', '--url', url, '--user-a', 'carol']
  const forbidden = await runColloquy(other, { env: tokens() })
  t.same([forbidden.code, forbidden.stdout], [2, ''], 'a token that is not of the user')
  t.match(
    forbidden.stderr,
    /takes the token of user A \(carol\) for that of another user: 403/,
    'it says which',
  )

  const running = await runColloquy(['conformance', '--url', url, '--only', 'running'], { env: tokens() })
  t.equal(running.code, 0, 'what could not be seen is no fault')
  t.match(
    running.stdout,
    /^- {5}running\.cancel: not seen, (the model answered too fast|the turn ended before)/m,
    'it is said why',
  )

  await ctrlC(t, url)
  await closedPipe(t, url)
})

t.test('a run ends when its time is over, or when a token expires', async (t) => {
  const url = await parrot(t, 50)
  const late = await runColloquy(['conformance', '--url', url, '--total-timeout', '1'], { env: tokens() })
  t.equal(late.code, 1, 'a run that takes too long has not passed')
  t.match(late.stdout, /^The run was cut short: it took longer than 1 s\.$/m, 'it says so')

  const exp = Math.floor(Date.now() / 1000) + 2
  const env = { ...tokens(), COLLOQUY_TOKEN_B: hs256(claims({ sub: 'bob', exp })) }
  const expired = await runColloquy(['conformance', '--url', url], { env })
  t.equal(expired.code, 1, 'a run whose token expires has not passed')
  t.match(expired.stdout, /^The run was cut short: a token has expired\.$/m, 'it says so')
})
