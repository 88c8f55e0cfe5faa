import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
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

  // As an image may leave out Markdown.
  for (const path of ['generated/api.md', 'src/tools/README.md']) await rm(join(cwd, path))
  const { url } = await startServer(t, { cwd, env })
  for (const path of ['/health/ready', '/openapi.json', '/docs/', '/docs/static/swagger-ui.css']) {
    t.equal((await fetch(`${url}${path}`)).status, 200, path)
  }
  const linked = `${url}/docs/guides/files/sql/functions/search_messages.sql`
  const guide = join(cwd, 'src/models/README.md')
  await rename(guide, `${guide}.away`)
  t.equal((await fetch(linked)).status, 500, 'a guide that is gone')
  await rename(`${guide}.away`, guide)
  t.equal((await fetch(linked)).status, 200, 'is read again when it is back')

  for (const path of ['/docs/api.md', '/docs/guides/tools', '/docs/guides/files/src/tools/README.md']) {
    t.equal((await fetch(`${url}${path}`)).status, 404, `${path}, which it was installed without`)
  }
  const llms = await (await fetch(`${url}/llms.txt`)).text()
  t.notMatch(llms, /docs\/api\.md|guides\/tools\.md/, 'nothing links it')
  t.match(llms, 'docs/guides/models.md', 'the other guides are there')

  const answer = await fetch(`${url}/api/alice/chat`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokenOf('alice')}`, 'content-type': 'application/json' },
    body: '{"message":"hi"}',
  })
  t.match(await answer.json(), { status: 'completed' })
})
