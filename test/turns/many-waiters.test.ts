import postgres from 'postgres'
import t from 'tap'
import { connect } from '../../src/db/connect.js'
import { echo } from '../../src/models/echo.js'
import { testApp } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { gatedModel, until } from '../helpers/models.js'

// Node warns of listeners that look like a leak.
process.on('warning', (warning) => t.fail('a warning', { warning }))

t.test('300 wait for one conversation on 5 connections: others go on, then each gets its turn', async (t) => {
  t.setTimeout(60_000)
  const { url, superuserUrl } = await testDatabase(t)
  const gated = gatedModel()
  const app = await testApp(t, {
    model: {
      name: 'either',
      run: (request) => (/slow/.test(request.message) ? gated.model : echo()).run(request),
    },
    db: connect({ url, max: 5, prepare: 'auto', acquireTimeoutMs: 2_000 }),
    limits: { busyWaitMs: 60_000 },
  })
  const first = app.chat('slow')
  await until(() => gated.working() === 1)
  const [{ id: conversation_id }] = (await app.call('GET', '/api/alice/conversations')).body.data
  let answered = 0
  const waiters = Array.from({ length: 300 }, (_, i) =>
    app.chat(`slow ${i}`, { conversation_id }).finally(() => {
      answered += 1
    }),
  )
  for (let i = 0; i < 20; i += 1) {
    t.equal((await app.chat(`quick ${i}`, { user: 'bob' })).response, `Echo: quick ${i}`, `${i} goes on`)
    t.equal((await app.call('GET', '/api/alice/conversations')).status, 200, `list ${i} is read`)
  }
  t.equal(answered, 0, 'meanwhile they wait')
  t.same(gated.asked, ['slow'], 'the model has had the first message only')

  gated.open()
  await Promise.all([first, ...waiters])
  t.equal(gated.most(), 1, 'one after the other')
  t.equal(new Set(gated.asked).size, 301, 'every message reached the model')
  const sql = postgres(superuserUrl, { max: 1 })
  t.teardown(() => sql.end())
  const positions = await sql<{ position: number; role: string }[]>`
    select position, role from colloquy.messages where conversation_id = ${conversation_id} order by position`
  t.same(
    positions.map(({ position, role }) => `${position} ${role}`),
    Array.from({ length: 602 }, (_, i) => `${i + 1} ${i % 2 ? 'assistant' : 'user'}`),
    'the messages have no gaps',
  )
})
