import { writeFile } from 'node:fs/promises'

import { join } from 'node:path'
import t from 'tap'
import { parseCommandLine } from '../../src/commands/command-line.js'
import { conformance } from '../../src/commands/conformance.js'
import { tokenOf } from '../helpers/app.js'

import { mutant } from '../helpers/mutant.js'
import { runColloquy } from '../helpers/server.js'

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
  [[...nowhere, '--only', 'paging', '--skip', 'paging'], tokens(), /^--only and --skip leave no check$/],
  [['--list', '--only', 'usage', '--skip', 'usage'], {}, /^--only and --skip leave no check$/],
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

t.test('in development the tokens may stand in .env, which production does not read', async (t) => {
  const cwd = await mutant(t, [])
  const lines = Object.entries(tokens()).map(([name, token]) => `${name}=${token}`)
  await writeFile(join(cwd, '.env'), [...lines, 'DATABASE_URL=postgres://u@h/d'].join('\n'))
  const { code, stderr } = await runColloquy(['conformance', ...nowhere], { cwd })
  t.match(
    [code, stderr],
    [2, /^Read from \.env: COLLOQUY_TOKEN_A, COLLOQUY_TOKEN_B\nhttp:\/\/127\.0\.0\.1:1 cannot be reached/],
    'they are taken from there, and it is said so',
  )
  const production = await runColloquy(['conformance', ...nowhere], { cwd, env: { NODE_ENV: 'production' } })
  t.match(
    [production.code, production.stderr],
    [2, /^conformance needs the token of a user/],
    'not in production',
  )
  await writeFile(join(cwd, '.env'), 'NODE_ENV=production')
  const refused = await runColloquy(['conformance', ...nowhere], { cwd })
  t.match([refused.code, refused.stderr], [2, /sets NODE_ENV=production/], 'a file that is refused: 2')
})
