import postgres from 'postgres'
import t from 'tap'
import { migrate } from '../../src/db/migrate.js'
import { type Answer, testApp } from '../helpers/app.js'
import { testCluster } from '../helpers/cluster.js'
import { until } from '../helpers/models.js'

t.test('alive and ready', async (t) => {
  const { call, superuserUrl } = await testApp(t)
  const anonymous = { headers: { authorization: '' } }
  t.same((await call('GET', '/health/live', anonymous)).body, { status: 'ok' }, 'alive, without a token')
  t.same((await call('GET', '/health/ready', anonymous)).body, { status: 'ready' }, 'ready, without a token')

  const sql = postgres(superuserUrl, { max: 1 })
  await sql`update colloquy.migrations set oldest_program = 9999`
  await sql.end()
  let other: Answer | undefined
  await until(async () => {
    other = await call('GET', '/health/ready')
    return other.status !== 200
  })
  t.match(other, { status: 503, body: { code: 'database-unavailable' } }, 'the schema of a newer program')
  t.equal((await call('GET', '/health/live')).status, 200, 'still alive, so that it is not restarted')
})

t.test(
  'without a database: alive, not ready, and every request of a user is a 503 with Retry-After',
  async (t) => {
    const cluster = await testCluster(t)
    await migrate(cluster.url)
    const { call, chat } = await testApp(t, { databaseUrl: cluster.url })
    await chat('while it is there')
    await cluster.stop()
    t.equal((await call('GET', '/health/live')).status, 200, 'alive')
    for (const [method, path, body] of [
      ['GET', '/health/ready'],
      ['GET', '/api/alice/conversations'],
      ['POST', '/api/alice/chat', { message: 'hi' }],
    ] as const) {
      const answer = await call(method, path, body ? { body } : {})
      t.match(answer, { status: 503, body: { code: 'database-unavailable' } }, path)
      t.equal(answer.headers.get('retry-after'), '1', `${path}: told when to try again`)
    }
  },
)
