import t from 'tap'
import { tokenOf } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { runColloquy, startServer } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'

t.setTimeout(900_000)

t.test('a server on a distributed database keeps the contract in every operation', async (t) => {
  const { url } = await testDatabase(t)
  const server = await startServer(t, { env: { DATABASE_URL: url, BETTER_AUTH_SECRET: SECRET } })
  const users = { COLLOQUY_TOKEN_A: tokenOf('ada'), COLLOQUY_TOKEN_B: tokenOf('bob') }
  const args = ['conformance', '--url', server.url, '--erase', '--seed', '1', '--runs', '5']
  const { code, stdout, stderr } = await runColloquy(args, { env: users, limitMs: 800_000 })
  t.equal(code, 0, `every check passes:\n${stdout.slice(-4_000)}${stderr.slice(-2_000)}`)
  t.match(stdout, /\d+ passed/, 'and there were checks')
  t.comment(stdout.trim().split('\n').at(-1))
})
