import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import { runColloquy, runInTerminal } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'

/** There is no database, so a check fails, some are not made, and some pass. */
const env = { DATABASE_URL: 'postgres://u:p@127.0.0.1:1/c', BETTER_AUTH_SECRET: SECRET }
const doctor = (args: string[], more: Record<string, string> = {}) =>
  runColloquy(['doctor', ...args], { env: { ...env, ...more } })

const isColored = (text: string): boolean => /\[\d+m/.test(text)

interface Report {
  healthy: boolean
  checks: { name: string; status: string; detail: string }[]
}

t.test('doctor prints lines for people and an object for programs', async (t) => {
  const plain = await doctor([])
  const lines = plain.stdout.trim().split('\n')
  t.equal(plain.stdout, stripVTControlCharacters(plain.stdout), 'a pipe gets text alone')
  t.equal(lines.at(-1), '1 of 9 checks failed: database', 'the last line says which failed')

  const { code, stdout, stderr } = await doctor(['--json'])
  const { healthy, checks }: Report = JSON.parse(stdout)
  t.same([code, healthy, stderr], [1, false, ''], '--json: one object, and the same exit code')
  t.same(
    checks.map(({ status }) => status),
    ['failed', ...Array(4).fill('not-checked'), ...Array(4).fill('ok')],
    '--json: what became of each check',
  )
  t.same(
    checks.map(({ name, detail }) => `${name}: ${detail}`),
    lines.slice(0, -1).map((line) => line.slice(6)),
    '--json: in the words of the lines',
  )

  const colored = await doctor([], { FORCE_COLOR: '1' })
  t.ok(isColored(colored.stdout), 'FORCE_COLOR: colours in a pipe')
  t.equal(stripVTControlCharacters(colored.stdout), plain.stdout, 'FORCE_COLOR: and the same words')
  const onTerminal = await runInTerminal(['doctor'], { env })
  t.match(onTerminal, /checking: database/, 'a terminal shows what is being checked')
  t.ok(isColored(onTerminal), 'in colours')
  t.notOk(isColored(await runInTerminal(['doctor'], { env: { ...env, NO_COLOR: '1' } })), 'NO_COLOR: without')
})

t.test('doctor --json says in the same form that the configuration cannot be read', async (t) => {
  const { code, stdout, stderr } = await doctor(['--json'], { CHAT_MODEL: 'parrot' })
  t.same([code, stderr], [1, ''], 'with the same exit code')
  const check = { name: 'configuration', status: 'failed', detail: /^CHAT_MODEL must be / }
  t.match(JSON.parse(stdout), { healthy: false, checks: [check] }, 'as a check that failed')
})
