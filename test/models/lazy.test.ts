import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { packageRoot } from '../../src/root.js'
import { tokenOf } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { mutant } from '../helpers/mutant.js'
import { runColloquy, startServer } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'

const installed = fileURLToPath(new URL('node_modules/', packageRoot))

t.test('echo answers where no package of a provider, of tools or of metrics is installed', async (t) => {
  const cwd = await mutant(t, [])
  // It has the packages in it.
  await rm(join(cwd, 'bundle'), { recursive: true })
  const modules = join(cwd, 'node_modules')
  await rm(modules)
  await mkdir(modules)
  const unneeded = ['ai', '@ai-sdk', '@modelcontextprotocol', 'prom-client']
  const others = (await readdir(installed)).filter((name) => !unneeded.includes(name))
  for (const name of others) await symlink(join(installed, name), join(modules, name))

  const { url } = await testDatabase(t)
  const env = { DATABASE_URL: url, BETTER_AUTH_SECRET: SECRET }
  const server = await startServer(t, { env, cwd })
  const answer = await fetch(`${server.url}/api/alice/chat`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokenOf('alice')}`, 'content-type': 'application/json' },
    body: JSON.stringify({ message: 'hi' }),
  })
  t.match(await answer.json(), { response: 'Echo: hi' }, 'the echo answers')

  const named = await runColloquy(['doctor'], {
    env: { ...env, CHAT_MODEL: 'openai/x', OPENAI_API_KEY: 'k' },
    cwd,
  })
  t.match(
    named.stdout,
    /FAIL {2}model: Cannot find (package|module)/,
    'a model that is named is loaded from there',
  )

  const config = join(cwd, 'mcp.json')
  await writeFile(config, JSON.stringify({ mcpServers: { todo: { command: 'todo' } } }))
  const declared = await runColloquy(['doctor'], { env: { ...env, CHAT_MCP_CONFIG: config }, cwd })
  t.match(
    declared.stdout,
    /FAIL {2}tools todo: Cannot find (package|module)/,
    'and so is what speaks to tools',
  )

  const measured = await runColloquy(['serve'], { env: { ...env, CHAT_METRICS_PORT: '0' }, cwd })
  t.match(measured.stderr, /Cannot find (package|module)/, 'and so is what makes metrics')
})
