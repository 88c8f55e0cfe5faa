import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseSigningKeys, publicJwks } from '../../src/tools/signing-keys.js'
import { testFolder } from '../helpers/cluster.js'
import { testDatabase } from '../helpers/database.js'
import { mcpServer } from '../helpers/mcp-server.js'
import { builtProgram } from '../helpers/program.js'
import { scriptedServer } from '../helpers/scripted-server.js'
import { runColloquy, startServer } from '../helpers/server.js'
import { todoServer } from '../helpers/todo-server.js'
import { SECRET } from '../helpers/tokens.js'
import { newToolKeys, newToolsPem, placeholder, publishing } from '../helpers/tools.js'

const stdio = {
  command: process.execPath,
  args: [join(builtProgram(), 'test/helpers/stdio-server.js')],
}

/** The environment of a program with these tool servers. */
const environment = async (t: Test, mcpServers: object): Promise<Record<string, string>> => {
  const { url: DATABASE_URL } = await testDatabase(t)
  const folder = await testFolder(t)
  const CHAT_MCP_CONFIG = join(folder, 'mcp.json')
  await writeFile(CHAT_MCP_CONFIG, JSON.stringify({ mcpServers }))
  return { DATABASE_URL, BETTER_AUTH_SECRET: SECRET, CHAT_MCP_CONFIG, DATA_DIR: join(folder, 'data') }
}

t.test('doctor asks every tool server', async (t) => {
  const pem = newToolsPem()
  const todo = await todoServer(t, { jwksUrl: await publishing(t, () => parseSigningKeys(pem)) })
  const stranger = await todoServer(t, { jwksUrl: await publishing(t, newToolKeys) })
  const drawing = await mcpServer(t, {
    tools: [{ name: '\u001b[2Jadd\n', inputSchema: { type: 'object' } }],
    call: () => ({ content: [] }),
  })
  const plain = { name: 'plain', inputSchema: { type: 'object' } }
  const listing = (...tools: object[]) =>
    scriptedServer(t, 'json', { 'tools/list': { result: { tools: [...tools, plain] } } })
  const mended = await listing({ name: 'mended', inputSchema: null }, { name: 'other', outputSchema: 5 })
  const odd = await listing({ name: 'odd', inputSchema: { type: 'array' } })
  const headers = { 'x-key': placeholder('TODO_KEY') }
  const chosen = await listing()
  const env = await environment(t, {
    chosen,
    todo: {
      url: todo.url,
      headers,
      users: ['alice'],
      tools: { delete_task: { disabled: true }, update_task: { users: ['bob', 'carol'] } },
    },
    here: stdio,
    drawing: { url: drawing.url },
    off: { url: todo.url, disabled: true },
    stranger: { url: stranger.url },
    down: { url: 'http://127.0.0.1:2/' },
    gone: { command: 'no-such-program' },
    mended: { ...mended, timeout: 60 },
    odd,
    misspelt: { url: todo.url, audience: todo.url, tools: { delete_tasks: { disabled: true } } },
  })
  const CHAT_ASSISTANTS = join(await testFolder(t), 'assistants.json')
  const tutor = { name: 'tutor', tools: ['here', 'todo/add_task', 'chosen/plian', 'chosen/plain'] }
  await writeFile(CHAT_ASSISTANTS, JSON.stringify({ assistants: [tutor] }))
  const budgets = { CHAT_USER_BUDGET_PER_DAY: '2.5', CHAT_BUDGET_PER_MONTH: '100' }
  const { code, stdout, stderr } = await runColloquy(['doctor'], {
    env: {
      ...env,
      ...budgets,
      CHAT_ASSISTANTS,
      CHAT_TOOLS_KEY: pem.replaceAll('\n', '\\n'),
      TODO_KEY: 'k3pT',
    },
  })
  t.same(
    stdout.split('\n').slice(9),
    [
      'ok    budgets: a user 2.50 a day; all users together 100.00 a month (spent: 0.00 today, 0.00 this month), in USD; a turn reserves up to 0.00',
      'ok    CHAT_MCP_CONFIG: mcpServers.mended.timeout is ignored',
      'FAIL  tools chosen: the assistant tutor has the tool plian (did you mean plain?), which the server does not have',
      'ok    tools todo: 4 tools of about 226 tokens (for alice): add_task, list_tasks, complete_task, delete_task (disabled), update_task (for bob, carol)',
      'ok    tools here: 8 tools of about 128 tokens: pid, environment, argv, folder, die, hang, stop, flood',
      'ok    tools drawing: 1 tool of about 19 tokens: \uFFFD[2Jadd\uFFFD',
      'ok    tools off: disabled',
      `FAIL  tools stranger: it answered 401; its tokens from Colloquy have iss colloquy, aud ${stranger.url} and sub doctor, and a running server publishes their key ${parseSigningKeys(pem)[0]?.kid}`,
      'FAIL  tools down: connect ECONNREFUSED 127.0.0.1:2',
      'FAIL  tools gone: spawn no-such-program ENOENT',
      'ok    tools mended: 3 tools of about 48 tokens: mended, other, plain; 2 tools with missing or wrong fields, which were mended or ignored: mended (inputSchema), other (inputSchema, outputSchema)',
      'FAIL  tools odd: 1 tool; 1 tools skipped because their input schemas are invalid: odd (inputSchema.type)',
      'FAIL  tools misspelt: the server does not have these configured tools: delete_tasks',
      '6 of 22 checks failed: tools chosen, tools stranger, tools down, tools gone, tools odd, tools misspelt',
      '',
    ],
    'each server is a line with its tools, or with its fault',
  )
  t.equal(code, 1, 'a fault is an error')
  t.match(stderr, 'the server says something', 'what a process has to say is heard')
  t.notMatch(`${stdout}${stderr}`, /k3pT|eyJ|PRIVATE/, 'no key or token is printed')
  t.equal(todo.requests[0]?.headers['x-key'], 'k3pT', 'the configured header is sent')
})

t.test('serve makes a key for development, and keeps and publishes it', async (t) => {
  const env = await environment(t, { todo: { url: 'http://127.0.0.1:2/' } })
  const published = async () => {
    const server = await startServer(t, { env })
    const answer = await fetch(`${server.url}/.well-known/jwks.json`)
    await server.end()
    return answer.json()
  }
  const file = join(env.DATA_DIR ?? '', 'tools-key.pem')
  const first = await published()
  t.same(
    first,
    { keys: publicJwks(parseSigningKeys(await readFile(file, 'utf8'))) },
    'the published key is the one in the file',
  )
  t.equal((await stat(file)).mode & 0o777, 0o600, 'only the owner may read the file')
  t.same(await published(), first, 'the next start publishes the same key')
})

t.test('serve refuses what would fail later', async (t) => {
  const env = await environment(t, {
    todo: { url: 'http://127.0.0.1:2/', headers: { a: placeholder('TODO_KEY') } },
  })
  const start = (more: object) => runColloquy(['serve'], { env: { ...env, ...more } })
  const needed = /^CHAT_MCP_CONFIG must be .* needs TODO_KEY, which is not set\.\n$/
  t.match(await start({}), { code: 1, stderr: needed }, 'a variable of the configuration that is not set')
  const production = { NODE_ENV: 'production', TODO_KEY: 'k' }
  const key = /^CHAT_TOOLS_KEY must be set when NODE_ENV=production/
  t.match(await start(production), { code: 1, stderr: key }, 'a production without a key for tools')
})
