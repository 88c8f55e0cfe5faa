import { readFile } from 'node:fs/promises'
import t from 'tap'
import { parseCommandLine, UsageError, usageOf } from '../../src/commands/command-line.js'
import { packageRoot } from '../../src/root.js'
import { runColloquy } from '../helpers/server.js'

const wrong: [args: string[], message: RegExp][] = [
  [['serve', 'migrate'], /^"serve" does not take the arguments "migrate"\./],
  [['toString'], /^There is no command "toString"\./],
  [['serv'], /^There is no command "serv"; did you mean "serve"\?/],
  [
    ['token', '--usr', 'alice'],
    /^Unknown option '--usr' of "token" \(did you mean --user\?\)\. It takes --user, --ttl, /,
  ],
  [
    ['--prot', '4000'],
    /^Unknown option '--prot' of "serve" \(did you mean --port\?\)\. It takes --port, --host, /,
  ],
  [['migrate', '--port', '1'], /^Unknown option '--port' of "migrate"\. It takes --help, --version\./],
  [['--toString'], /^Unknown option '--toString' of "serve"\./],
  [['-x'], /^Unknown option '-x' of "serve"\./],
  [['--port'], /^Option '--port <value>' argument missing/],
  [['serve', '--help=yes'], /^Option '-h, --help' does not take an argument/],
]

/** What the program judges when it has read the command line. */
const refused: [args: string[], message: RegExp][] = [
  [['serv'], /^There is no command "serv"/],
  [['token', '--user', 'a/b'], /^token needs --user with 1 to 128 of /],
  [['token', '--user', 'alice', '--ttl', '0'], /^--ttl takes 1 to 999999999 seconds/],
  [['token', '--user', 'alice', '--ttl', '1h'], /^--ttl takes /],
  [['export'], /^export needs --user/],
  [['import', '--user', 'alice'], /^import needs --file/],
  [['erase', '--user', 'alice', '--confirm', 'bob'], /^erase needs --confirm with the same id/],
  [['export', '--user', 'alice', '--url', 'ftp://x'], /^--url takes /],
  [['serve', '--port', 'http'], /^--port takes an integer from 0 to 65535/],
  [['serve', '--port=65536'], /^--port takes an integer from 0 to 65535/],
  [['serve', '--host='], /^--host takes an address or a host name/],
]

const conformanceOptions =
  'url token-a token-b user-a user-b only skip erase list seed runs timeout total-timeout json junit'.split(
    ' ',
  )

/** The command line is judged before the configuration. */
const env = { PORT: 'bad' }

t.test('a wrong command line is refused, and says what is meant', async (t) => {
  for (const [args, message] of wrong) {
    t.throws(
      () => parseCommandLine(args),
      Object.assign(new UsageError(''), { message, exitCode: 1 }),
      args.join(' '),
    )
  }
})

t.test('what is wrong and the usage on stderr, exit code 1', async (t) => {
  const runs = refused.map(async ([args, message]) => {
    const { code, stdout, stderr } = await runColloquy(args, { env })
    const line = `"${args.join(' ')}"`
    t.same([code, stdout], [1, ''], `${line} is refused`)
    t.match(stderr, message, `${line}: what is wrong`)
    t.match(stderr, /\n\nUsage: colloquy \[command\] \[options\]\n/, `${line}: the usage`)
    t.notMatch(stderr, /^ +at /m, `${line}: no stack`)
  })
  await Promise.all(runs)
})

t.test('--help: the usage on stdout, exit code 0', async (t) => {
  const asked = await runColloquy(['--help'], { env })
  t.same(asked, { code: 0, stdout: `${usageOf()}\n`, stderr: '' }, '--help')
  for (const args of [['-h'], ['help']])
    t.match(parseCommandLine(args), { asksFor: 'help', helpOn: undefined }, args.join(' '))
  const own = {
    serve: ['port', 'host'],
    migrate: [],
    token: ['user', 'ttl'],
    doctor: ['json'],
    export: ['user', 'url', 'file'],
    import: ['user', 'url', 'file'],
    erase: ['user', 'url', 'confirm'],
    conformance: conformanceOptions,
  }
  for (const [command, options] of Object.entries(own)) {
    t.match(asked.stdout, new RegExp(`^  ${command} `, 'm'), `--help lists ${command}`)
    for (const args of [
      [command, '--help'],
      ['-h', command],
      ['help', command],
    ]) {
      const { asksFor, helpOn } = parseCommandLine(args)
      t.equal(asksFor, 'help', args.join(' '))
      const listed = [...usageOf(helpOn).matchAll(/^ .*?--([\w-]+)/gm)].map(([, name]) => name)
      t.same(listed, [...options, 'help', 'version'], `${args.join(' ')} lists its options and no others`)
    }
  }
})

t.test('--version: the version of the package, exit code 0', async (t) => {
  const { version } = JSON.parse(await readFile(new URL('package.json', packageRoot), 'utf8'))
  for (const args of [['--version'], ['-v'], ['serve', '-v']]) {
    t.same(await runColloquy(args, { env }), { code: 0, stdout: `${version}\n`, stderr: '' }, args.join(' '))
  }
})
