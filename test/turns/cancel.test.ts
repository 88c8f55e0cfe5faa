import postgres from 'postgres'
import t from 'tap'
import { type Json, testApp } from '../helpers/app.js'
import { gatedModel, until } from '../helpers/models.js'
import { begin, newTurn } from '../helpers/turns.js'

const turnOf = async (call: Awaited<ReturnType<typeof testApp>>['call']): Promise<Json> => {
  const { body } = await call('GET', '/api/alice/conversations')
  return body.data[0]
}

t.test('a turn is stopped from any instance, and what it said is kept', async (t) => {
  const gated = gatedModel()
  const one = await testApp(t, { model: gated.model })
  const two = await testApp(t, { model: gated.model, databaseUrl: one.databaseUrl })
  for (const [i, from] of [one, two].entries()) {
    const sent = one.chat(`message ${i}`)
    await until(() => gated.working() === 1)
    const { id, running_turn_id } = await turnOf(one.call)
    const path = `/api/alice/turns/${running_turn_id}`
    const cancelled = await from.call('POST', `${path}/cancel`)
    t.match(
      cancelled,
      { status: 200, body: { status: 'cancelled', error: null, finished_at: String } },
      `instance ${i}: the turn is cancelled`,
    )
    t.match(
      await sent,
      { status: 'cancelled', response: 'so far: ', turn_id: running_turn_id },
      `instance ${i}: its client gets what was said`,
    )
    const { body } = await one.call('GET', `/api/alice/conversations/${id}/messages`)
    t.match(body.data[1], { status: 'cancelled', content: 'so far: ' }, `instance ${i}: its text is stored`)
    const again = await from.call('POST', `${path}/cancel`)
    t.match(again, { status: 200, body: cancelled.body }, `instance ${i}: again is the same`)
  }
  t.equal(gated.working(), 0, 'no model works any more')
})

t.test('cancelling a turn that has ended changes nothing and says so', async (t) => {
  const { chat, call } = await testApp(t)
  const { turn_id } = await chat('hi')
  const before = (await call('GET', `/api/alice/turns/${turn_id}`)).body
  t.same((await call('POST', `/api/alice/turns/${turn_id}/cancel`)).body, before, 'the turn is as it was')
  t.equal(before.status, 'completed', 'the turn had completed')
})

t.test('an unknown turn, and another user’s, is 404', async (t) => {
  const { chat, call } = await testApp(t)
  const { turn_id } = await chat('hi')
  const turns = { foreign: turn_id, unknown: '019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e' }
  for (const [whose, id] of Object.entries(turns)) {
    const answer = await call('POST', `/api/bob/turns/${id}/cancel`, { user: 'bob' })
    t.match(answer, { status: 404, body: { code: 'turn-not-found' } }, `the ${whose} turn is not found`)
  }
})

t.test('a turn whose instance died is ended by the cancel itself', async (t) => {
  const { chat, call, db } = await testApp(t)
  const { conversation_id } = await chat('before')
  const lost = newTurn({ conversationId: conversation_id, message: 'lost', leaseMs: 0 })
  await begin(db, lost)
  const answer = await call('POST', `/api/alice/turns/${lost.turnId}/cancel`)
  t.match(answer, { status: 200, body: { status: 'interrupted' } }, 'the turn is interrupted')
  const { body } = await call('GET', `/api/alice/conversations/${conversation_id}`)
  t.match(body, { message_count: 4, running_turn_id: null }, 'the conversation is whole, and free')
})

t.test('a long turn keeps its lease, and a taken-over one is given up', async (t) => {
  const gated = gatedModel()
  const { call, databaseUrl, superuserUrl } = await testApp(t, {
    model: gated.model,
    limits: { leaseMs: 1_000, busyWaitMs: 200 },
  })
  const sql = postgres(superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  const sent = call('POST', '/api/alice/chat', { body: { message: 'long' } })
  await until(() => gated.working() === 1)
  const { id, running_turn_id } = await turnOf(call)
  const leases = new Set<string>()
  await until(async () => {
    const [row] = await sql`select lease_until from colloquy.turns`
    leases.add(String(row?.lease_until))
    return leases.size === 4
  })
  t.equal((await call('GET', `/api/alice/turns/${running_turn_id}`)).body.status, 'running', 'it still runs')

  // Another instance takes the conversation, as it may once a lease has run out.
  await sql`update colloquy.turns set attempt = 7`
  const answer = await sent
  t.equal(gated.working(), 0, 'the tick told its instance')
  t.match(answer, { status: 409, body: { code: 'idempotency-key-in-use' } }, 'another attempt runs')
  await sql`update colloquy.turns set lease_until = now() - interval '1 second'`
  gated.open()
  const other = await testApp(t, { model: gated.model, databaseUrl })
  t.equal((await other.chat('next', { conversation_id: id })).response, 'so far: next', 'the next turn runs')
})
