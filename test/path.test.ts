import t from 'tap'
import { tokenOf } from './helpers/app.js'
import { testDatabase } from './helpers/database.js'
import { sourceCopy } from './helpers/mutant.js'
import { runColloquy, startServer } from './helpers/server.js'
import { SECRET } from './helpers/tokens.js'

t.test('the program runs from a folder whose name means something in a URL', async (t) => {
  const cwd = await sourceCopy(t, 'a b%20c 100%')
  const { url: databaseUrl } = await testDatabase(t, { migrated: false })
  const env = { DATABASE_URL: databaseUrl, BETTER_AUTH_SECRET: SECRET }
  const { code, stderr } = await runColloquy(['migrate'], { cwd, env })
  t.equal(code, 0, stderr)

  const { url } = await startServer(t, { cwd, env })
  for (const path of ['/health/ready', '/openapi.json', '/docs/', '/docs/static/swagger-ui.css']) {
    t.equal((await fetch(`${url}${path}`)).status, 200, path)
  }
  const answer = await fetch(`${url}/api/alice/chat`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokenOf('alice')}`, 'content-type': 'application/json' },
    body: '{"message":"hi"}',
  })
  t.match(await answer.json(), { status: 'completed' })
})
