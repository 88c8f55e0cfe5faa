import t from 'tap'
import { publicJwks } from '../../src/tools/signing-keys.js'
import type { ToolRegistry } from '../../src/tools/tool.js'
import { testApp } from '../helpers/app.js'
import { until } from '../helpers/models.js'
import { done, scriptedModel } from '../helpers/scripted.js'
import { todoServer } from '../helpers/todo-server.js'
import { newToolKeys, testTools } from '../helpers/tools.js'

const path = '/.well-known/jwks.json'

t.test('a tool server verifies tokens with the keys that the app publishes', async (t) => {
  const keys = [...newToolKeys(), ...newToolKeys()]
  const { url, call } = await testApp(t, { toolKeys: publicJwks(keys) })
  const answer = await call('GET', path, { headers: { authorization: '' } })
  t.match(
    answer,
    { status: 200, body: { keys: keys.map(({ kid }) => ({ kid, alg: 'EdDSA' })) } },
    'every key is published, without a token',
  )
  t.equal(
    answer.headers.get('cache-control'),
    'public, max-age=300',
    'caches may keep the keys for five minutes',
  )
  t.notMatch(answer.text, /"d"/, 'the public parts alone')

  const server = await todoServer(t, { jwksUrl: `${url}${path}` })
  const tools = testTools(t, { todo: { url: server.url } }, { keys })
  t.same(
    await (await tools.of('alice')).call('list_tasks'),
    { tasks: [] },
    'the tool server accepts the token',
  )
  t.equal(server.calls[0]?.user, 'alice', 'and knows which user it is for')
})

t.test('without tools there are no keys', async (t) => {
  const { call } = await testApp(t)
  t.same((await call('GET', path)).body, { keys: [] }, 'the key set is empty')
})

t.test('while turns drain their tools still work, and close after them', async (t) => {
  const seen: string[] = []
  const tools: ToolRegistry = { open: async () => [], close: async () => void seen.push('tools closed') }
  const { model, say, runs } = scriptedModel()
  const toolKeys = publicJwks(newToolKeys())
  const { app, call } = await testApp(t, { model, tools, toolKeys })
  const chat = call('POST', '/api/alice/chat', { body: { message: 'hi' } })
  await until(() => runs() === 1)
  const closed = app.close()
  await until(async () => (await call('GET', '/health/ready')).status === 503)
  t.same((await call('GET', path)).body, { keys: toolKeys }, 'the keys are still published')
  t.same(seen, [], 'the tools are still open')
  await say([done])
  t.equal((await chat).status, 200, 'the turn is answered')
  await closed
  t.same(seen, ['tools closed'], 'the tools close when no turn needs them')
})
