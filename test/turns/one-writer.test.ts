import postgres from 'postgres'
import t from 'tap'
import { echo } from '../../src/models/echo.js'
import { type Json, testApp } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { gatedModel, until } from '../helpers/models.js'

const id = (n: number): string => `019a0c4e-7b7a-7c11-8f0e-${n.toString(16).padStart(12, '0')}`

t.test('of those who wait for a completion to commit, one begins', async (t) => {
  const { directUrl } = await testDatabase(t)
  const sql = postgres(directUrl, { max: 4, onnotice: () => {} })
  t.teardown(() => sql.end())
  const begin = (n: number, isNew: boolean) =>
    sql<{ outcome: string }[]>`
      select outcome
      from colloquy.begin_turn('alice', ${id(0)}, ${isNew}, ${id(n)}, ${id(n + 1)}, ${id(n + 2)},
        'hi', 'hi', 'echo', 60000, 40, 16000)`
  await begin(16, true)
  const waiting = () => sql<{ n: number }[]>`
    select count(*)::int as n from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`
  const begins: Promise<{ outcome: string }[]>[] = []
  await sql.begin(async (tx) => {
    await tx`
      select colloquy.complete_turn('alice', ${id(0)}, ${id(16)}, 1, 'completed', 'a', '[]', null, null, null)`
    for (const n of [32, 48]) begins.push(begin(n, false).execute())
    await until(async () => (await waiting())[0]?.n === 2)
  })
  const outcomes = (await Promise.all(begins)).map(([row]) => row?.outcome)
  t.same(outcomes.sort(), ['begun', 'busy'])
})

t.test('many messages to one conversation at once, on two instances: one turn after the other', async (t) => {
  const one = await testApp(t)
  const two = await testApp(t, { databaseUrl: one.databaseUrl })
  const { conversation_id } = await one.chat('first')
  const send = ({ call }: typeof one, i: number) =>
    call('POST', '/api/alice/chat', { body: { conversation_id, message: `message ${i}` } })
  const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => send(i % 2 ? one : two, i)))
  const stored = answers.filter(({ status }) => status === 200)
  for (const { status, body } of answers) {
    if (status !== 200) t.match({ status, body }, { status: 409, body: { code: 'turn-in-progress' } })
  }
  t.ok(stored.length > 0)

  const messages: Json[] = []
  let query = '?limit=100'
  for (;;) {
    const { body } = await one.call('GET', `/api/alice/conversations/${conversation_id}/messages${query}`)
    messages.push(...body.data)
    if (body.next_cursor === null) break
    query = `?limit=100&cursor=${body.next_cursor}`
  }
  t.equal(messages.length, 2 * (stored.length + 1), 'what was acknowledged is stored, once')
  for (const [i, { position, role, content, turn_id }] of messages.entries()) {
    t.same([position, role], [i + 1, i % 2 ? 'assistant' : 'user'])
    if (i % 2) t.same([content, turn_id], [`Echo: ${messages[i - 1].content}`, messages[i - 1].turn_id])
  }
})

t.test('a message waits for the turn before it, and has it in its history', async (t) => {
  const gated = gatedModel()
  const one = await testApp(t, { model: gated.model })
  const two = await testApp(t, { model: gated.model, databaseUrl: one.databaseUrl })
  const first = one.chat('first')
  await until(() => gated.working() === 1)
  const { id: conversation_id } = (await one.call('GET', '/api/alice/conversations')).body.data[0]
  const later = [one, two, one].map((app, i) => app.chat(`later ${i}`, { conversation_id }))
  const other = one.chat('in another conversation')
  await until(() => gated.working() === 2)
  gated.open()
  t.equal((await first).conversation_id, conversation_id)
  await other
  const answers = await Promise.all(later)
  t.equal(new Set(answers.map(({ turn_id }) => turn_id)).size, 3)
  const { data } = (await one.call('GET', `/api/alice/conversations/${conversation_id}/messages`)).body
  t.same(
    data.map(({ role }: Json) => role),
    ['user', 'assistant', 'user', 'assistant', 'user', 'assistant', 'user', 'assistant'],
  )
})

t.test('hundreds of waiters on one conversation do not keep others from being answered', async (t) => {
  const gated = gatedModel()
  const { chat, call, app } = await testApp(t, {
    model: {
      name: 'either',
      run: (request) => (/slow/.test(request.message) ? gated.model : echo()).run(request),
    },
    limits: { busyWaitMs: 1_500 },
  })
  t.ok(app)
  const first = chat('slow')
  await until(() => gated.working() === 1)
  const { id: conversation_id } = (await call('GET', '/api/alice/conversations')).body.data[0]
  const waiters = Array.from({ length: 300 }, (_, i) =>
    call('POST', '/api/alice/chat', { body: { conversation_id, message: `slow ${i}` } }),
  )
  t.equal((await chat('quick', { user: 'bob' })).response, 'Echo: quick')
  t.equal((await call('GET', '/api/alice/conversations')).status, 200)
  const refused = await Promise.all(waiters)
  t.same(
    new Set(refused.map(({ status, body }) => `${status} ${body.code}`)),
    new Set(['409 turn-in-progress']),
  )
  t.equal(gated.most(), 1)
  gated.open()
  await first
})
