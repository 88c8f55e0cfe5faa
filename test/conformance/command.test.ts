import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Window } from 'happy-dom'
import t, { type Test } from 'tap'
import { parseCommandLine } from '../../src/commands/command-line.js'
import { conformance } from '../../src/commands/conformance.js'
import { escapeXml } from '../../src/conformance/reports/junit.js'
import { printable } from '../../src/conformance/reports/text.js'
import { tokenOf } from '../helpers/app.js'
import { testFolder } from '../helpers/cluster.js'
import { testDatabase } from '../helpers/database.js'
import { builtProgram } from '../helpers/program.js'
import { runColloquy, spawnColloquy, startServer } from '../helpers/server.js'
import { claims, hs256, SECRET } from '../helpers/tokens.js'
import { until, within } from '../helpers/wait.js'
import { tokens } from './served.js'

const nowhere = ['--url', 'http://127.0.0.1:1']
const tokenA = tokenOf('alice')

const wrong: [args: string[], env: Record<string, string>, message: RegExp][] = [
  [[], tokens(), /^conformance needs --url/],
  [['--url', 'chat.example'], tokens(), /^--url takes an http or https URL/],
  [['--url', 'ftp://chat.example'], tokens(), /^--url takes /],
  [['--url', 'http://chat.example/?a=b'], tokens(), /^--url takes /],
  [nowhere, {}, /^conformance needs the token of a user: --token-a, or the variable COLLOQUY_TOKEN_A/],
  [[...nowhere, '--token-a', tokenA], {}, /--token-b, or the variable COLLOQUY_TOKEN_B/],
  [[...nowhere, '--token-a', 'two words'], tokens(), /^conformance needs the token of a user: --token-a/],
  [[...nowhere, '--token-b', 'opaque'], tokens(), /^The token B does not say whose it is: --user-b does/],
  [nowhere, tokens('alice', 'alice'), /^The two tokens have to be of two users/],
  [[...nowhere, '--only', 'getTurns'], tokens(), /^--only: .* "getTurns"; did you mean "getTurn"\?/],
  [[...nowhere, '--skip', 'no-such-thing'], tokens(), /^--skip: there is no operation and no check /],
  [[...nowhere, '--seed', '-1'], tokens(), /^Option '--seed/],
  [[...nowhere, '--seed=x'], tokens(), /^--seed takes an integer from 0 to 2147483647/],
  [[...nowhere, '--runs', '1e3'], tokens(), /^--runs takes an integer from 1 to 10000/],
  [[...nowhere, '--timeout', '0'], tokens(), /^--timeout takes an integer from 1 to 3600/],
  [[...nowhere, '--total-timeout', '0'], tokens(), /^--total-timeout takes an integer from 1 /],
  [[...nowhere, '--only', 'getTurn', '--skip', 'getTurn'], tokens(), /^--only and --skip leave no check/],
  [
    [...nowhere, '--json', '/no/such/folder/report.json'],
    tokens(),
    /^--json: ".*report\.json" cannot be written: ENOENT/,
  ],
  [[...nowhere, '--junit', '/'], tokens(), /^--junit: "\/" cannot be written: EISDIR/],
  [[...nowhere, '--json', ''], tokens(), /^--json: "" cannot be written: ENOENT/],
  [
    [...nowhere, '--json', 'report', '--junit', './report'],
    tokens(),
    /^--json and --junit have to be two files/,
  ],
  [
    [...nowhere, '--urls', 'x'],
    tokens(),
    /^Unknown option '--urls' of "conformance" \(did you mean --url\?\)/,
  ],
  [['now'], tokens(), /^"conformance" does not take the arguments "now"\./],
  [['--list=yes'], tokens(), /^Option '--list' does not take an argument/],
]

/** What the process does with its command line, in this one. */
const conformanceOf = async (args: string[], env: Record<string, string>): Promise<number> =>
  conformance(parseCommandLine(['conformance', ...args]).values, env)

t.test('a wrong command line is refused with exit code 2, and says what is wrong', async (t) => {
  for (const [args, env, message] of wrong) {
    const expected = { message, exitCode: 2 }
    await t.rejects(conformanceOf(args, env), expected, `"${args.join(' ')}"`)
  }
  const { code, stdout, stderr } = await runColloquy(['conformance', '--url', 'x'], { env: tokens() })
  t.same([code, stdout], [2, ''], 'as a process')
  t.match(stderr, /^--url takes .*\n\nUsage: colloquy /, 'it prints what is wrong, and the usage')
})

t.test('--list shows the checks, --only and --skip choose, and no server is asked', async (t) => {
  const listed = async (...args: string[]) => {
    const { code, stdout } = await runColloquy(['conformance', '--list', ...args])
    t.equal(code, 0, args.join(' '))
    return stdout.trimEnd().split('\n').slice(0, -1)
  }
  const all = await listed()
  t.ok(all.length > 200, `${all.length} checks are listed`)
  t.match(
    all,
    [/^answer\.getTurn +a right request is answered as the contract declares$/],
    'with their titles',
  )
  const some = await listed('--only', 'getTurn, paging', '--skip', 'paging.limit,no-token')
  const ids = some.map((line) => line.split(' ')[0] ?? '')
  t.ok(
    ids.includes('other-user.getTurn') && ids.includes('paging.usage'),
    'an operation and a group are chosen',
  )
  t.notOk(ids.includes('paging.limit') || ids.includes('no-token.getTurn'), 'what is skipped is not there')
  t.ok(
    ids.every((id) => /\.getTurn(\.|$)|^paging\.|\.shown$/.test(id)),
    `no others are there: ${ids}`,
  )
})

t.test(
  'a server that cannot be reached, or takes a token for none, ends the run with exit code 2',
  async (t) => {
    const { code, stdout, stderr } = await runColloquy(['conformance', ...nowhere], { env: tokens() })
    t.same([code, stdout], [2, ''], 'nobody listens')
    t.match(stderr, /^http:\/\/127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/, 'it says so')
  },
)

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

/** Answers everything alike, in a media type that no report may take for markup. */
const parrot = async (t: Test, delayMs = 0): Promise<string> => {
  const server = createServer(async (request, response) => {
    request.resume()
    await sleep(delayMs)
    response
      .writeHead(200, { 'content-type': 'text/<b>&"]]>\'', 'x-request-id': 'always the same' })
      .end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

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

t.test(
  'a server that breaks the contract: exit code 1, and reports that people and programs can read',
  async (t) => {
    const url = await parrot(t)
    const folder = await testFolder(t)
    const [json, junit] = [join(folder, 'report.json'), join(folder, 'report.xml')]
    const args = [
      'conformance',
      '--url',
      url,
      '--json',
      json,
      '--junit',
      junit,
      '--seed',
      '11',
      '--skip',
      'generated-valid,generated-invalid',
      '--runs',
      '2',
    ]
    const { code, stdout, stderr } = await runColloquy(args, { env: tokens() })
    t.equal(code, 1, `it exits with 1:\n${stderr.slice(0, 2_000)}`)
    t.match(
      stdout,
      /^FAIL {2}no-token\.getLiveness|^FAIL {2}answer\.listModels: .*\n {6}promised: listModels 200\n {6}came: .*its media type is text\/<b>.*\n {6}curl /m,
      'what was promised, and what came',
    )
    const line = /^ +(curl .*models.*)$/m.exec(stdout)?.[1] ?? ''
    t.match(
      line,
      /-H 'authorization: Bearer '"\$TOKEN_A"/,
      'the curl line has a variable in place of the token',
    )

    const report = JSON.parse(await readFile(json, 'utf8'))
    t.match(
      report,
      { url, seed: 11, contract_version: /^\d+\.\d+\.\d+$/, users: ['alice', 'bob'] },
      'JSON: what was judged',
    )
    t.equal(report.counts.checks, report.checks.length, 'JSON: the checks are counted')
    const failed = report.checks.find(({ id }: { id: string }) => id === 'answer.listModels')
    t.match(
      failed,
      {
        outcome: 'failed',
        promise: 'listModels 200',
        exchange: { request: { method: 'GET' }, response: { status: 200 } },
      },
      'JSON: a failure has its exchange',
    )

    const xml = await readFile(junit, 'utf8')
    const document = new new Window().DOMParser().parseFromString(xml, 'application/xml')
    t.equal(document.querySelector('parsererror'), null, 'JUnit: it is XML')
    const suites = [...document.querySelectorAll('testsuites > testsuite')]
    t.ok(suites.length > 10, 'JUnit: there is a suite for each operation')
    for (const suite of suites) {
      const count = (selector: string) => String(suite.querySelectorAll(selector).length)
      const name = suite.getAttribute('name')
      t.equal(suite.getAttribute('tests'), count('testcase'), `JUnit: the cases of ${name} are counted`)
      t.equal(suite.getAttribute('failures'), count('testcase > failure'), `JUnit: the failures of ${name}`)
      t.match(
        suite.getAttribute('timestamp'),
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/,
        'JUnit: a time as the schema has it',
      )
    }
    const cases = [...document.querySelectorAll('testcase')]
    t.equal(cases.length, report.checks.length, 'JUnit: every check is a case')
    t.ok(
      cases.every((one) => one.getAttribute('classname') && one.getAttribute('time')),
      'JUnit: with class and time',
    )
    const failure = document.querySelector('failure[type="listModels 200"]')
    t.match(failure?.getAttribute('message'), 'text/<b>&"]]>\'', 'JUnit: markup in a message stays text')
    for (const text of [stdout, stderr, xml, JSON.stringify(report)])
      for (const token of Object.values(tokens()))
        t.notOk(text.includes(token), 'no token is in what it writes')
  },
)

t.test('what XML cannot have is written another way', (t) => {
  t.equal(
    escapeXml('<a b="c">&\t\n\r'),
    '&lt;a b=&quot;c&quot;&gt;&amp;&#9;&#10;&#13;',
    'markup and white space',
  )
  t.equal(
    escapeXml('\0\x1b\x7f\ufffe\ud800é😀'),
    '\\u0000\\u001b\\u007f\\ufffe\ufffdé😀',
    'control characters and surrogates',
  )
  t.end()
})

t.test('what a server says does not steer the terminal', (t) => {
  t.equal(
    printable('a\u001b[31m\r\u0007\u009b2J\u2028\nb'),
    'a\\u001b[31m\\u000d\\u0007\\u009b2J\\u2028\nb',
    'it is printed as text',
  )
  t.end()
})
