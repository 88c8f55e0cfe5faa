import t from 'tap'
import { runColloquy } from '../helpers/server.js'

const wrong: [args: string[], message: RegExp][] = [
  [[], /^No command given\./],
  [['serve', 'migrate'], /^"serve" does not take the arguments "migrate"\./],
  [['toString'], /^There is no command "toString"\./],
  [['token'], /^token needs --user with 1 to 128 of /],
  [['token', '--user', 'a/b'], /^token needs --user /],
  [['token', '--user', 'alice', '--ttl', '0'], /^--ttl takes 1 to 999999999 seconds/],
  [['token', '--user', 'alice', '--ttl', '1h'], /^--ttl takes /],
  [['token', '--usr', 'alice'], /^Unknown option '--usr'/],
]

/** The command line is judged before the configuration. */
const env = { PORT: 'bad' }

t.test('a wrong command line: what is wrong and the usage on stderr, exit code 1', async (t) => {
  const runs = wrong.map(async ([args, message]) => {
    const { code, stdout, stderr } = await runColloquy(args, { env })
    const line = `"${args.join(' ')}"`
    t.same([code, stdout], [1, ''], `${line} is refused`)
    t.match(stderr, message, `${line}: what is wrong`)
    t.match(stderr, /\n\nUsage: colloquy <command>\n/, `${line}: the usage`)
    t.notMatch(stderr, /^ +at /m, `${line}: no stack`)
  })
  await Promise.all(runs)
})

t.test('--help: the usage on stdout, exit code 0', async (t) => {
  for (const args of [['--help'], ['serve', '-h']]) {
    const { code, stdout, stderr } = await runColloquy(args, { env })
    t.same([code, stderr], [0, ''], args.join(' '))
    for (const command of ['serve', 'migrate', 'token', 'doctor'])
      t.match(stdout, `\n  ${command} `, `${args.join(' ')} lists ${command}`)
  }
})
