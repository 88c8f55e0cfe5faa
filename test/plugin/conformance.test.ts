import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { colloquy } from '../../src/plugin/index.js'
import { slowModel, tokens } from '../conformance/served.js'
import { testDatabase } from '../helpers/database.js'
import { runColloquy } from '../helpers/server.js'
import { tasksApp } from './tasks-app.js'

t.test('the chat keeps the contract inside an app that has a life of its own', async (t) => {
  const { url: databaseUrl } = await testDatabase(t)
  const env = { ...(await slowModel(t)), DATABASE_URL: databaseUrl }
  const { app } = await tasksApp({
    server: { routerOptions: { maxParamLength: 128 } },
    addChat: (app: FastifyInstance) => app.register(colloquy, { prefix: '/chat-service', env }),
  })
  t.teardown(() => app.close())
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  // Headers that Node refuses make no request: the app answers them. Whose server it is changes nothing of which values
  // are valid, and conformance/ours.test.ts sends those that are not.
  const args = [
    '--url',
    `${url}/chat-service`,
    '--seed',
    '7',
    '--runs',
    '1',
    '--erase',
    '--skip',
    'large-headers,generated-invalid',
  ]
  const { code, stdout, stderr } = await runColloquy(['conformance', ...args], {
    env: tokens(),
    limitMs: 240_000,
  })
  t.equal(code, 0, `the command finds nothing:\n${stdout}${stderr}`)
  const [, checks = '', passed = ''] = /^(\d+) checks: (\d+) passed, 0 failed/m.exec(stdout) ?? []
  t.ok(Number(checks) >= 240, `it has made ${checks} checks`)
  t.equal(passed, checks, 'and each of them has passed')
})
