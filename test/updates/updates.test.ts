import postgres from 'postgres'
import t from 'tap'
import { noInstanceLimits } from '../../src/turns/limits.js'
import { encodePosition } from '../../src/updates/position.js'
import { type Json, type TestApp, testApp } from '../helpers/app.js'
import { gatedModel, until } from '../helpers/models.js'
import { rowsAbout } from '../helpers/stored-rows.js'
import type { StreamAnswer } from '../helpers/stream.js'
import { claims, hs256, SECRET } from '../helpers/tokens.js'
import { begin, newTurn } from '../helpers/turns.js'
import { updatesReader } from '../helpers/updates.js'

// What is changed on one instance is followed on the other.
const gated = gatedModel()
const one = await testApp(t, { otherModels: [gated.model], shutdownMs: 0 })
const two = await testApp(t, { databaseUrl: one.databaseUrl })
const sql = postgres(one.superuserUrl, { max: 3, onnotice: () => {} })
t.teardown(() => sql.end())

const follow = updatesReader(t, two, one)
const typesOf = (events: Json[]) => events.map(({ type }) => type)

t.test('what changes on one instance is told on the other', async (t) => {
  const { next, stream } = await follow('alice')
  t.equal(stream.status, 200, 'the stream stands')
  t.equal(stream.headers.get('x-vercel-ai-ui-message-stream'), null, 'it is no message stream')
  t.match(await next('ready'), { id: /./ }, 'it begins with ready, which has an id')

  const { conversation_id, turn_id } = await one.chat('Hello')
  t.ok(await next('conversation-created', { conversation_id }), 'a conversation that a message begins')
  t.ok(await next('turn-started', { conversation_id, turn_id }), 'its turn')
  t.ok(await next('turn-ended', { conversation_id, turn_id, status: 'completed' }), 'and how that ended')

  const path = `/api/alice/conversations/${conversation_id}`
  await one.call('PATCH', path, { body: { title: 'Another title' } })
  t.ok(await next('conversation-updated', { conversation_id }), 'another title')
  const made = (await one.call('POST', '/api/alice/conversations', { body: {} })).body.id
  t.ok(await next('conversation-created', { conversation_id: made }), 'a conversation without a message')
  await one.call('DELETE', path)
  t.ok(await next('conversation-deleted', { conversation_id }), 'a deletion')
})

t.test('a stream goes on after the event that was seen last, on any instance', async (t) => {
  const first = await follow('ben')
  const { conversation_id } = await one.chat('Hello', { user: 'ben' })
  const last = await first.next('turn-ended', { conversation_id })
  await first.stream.leave()
  const more = await one.chat('More', { user: 'ben' })
  const again = await follow('ben', { app: one, after: last.id })
  await again.next('turn-ended', { turn_id: more.turn_id })
  t.equal(again.events()[0].type, 'ready', 'it begins with ready')
})

t.test('a stream that cannot go on says so, and goes on from now', async (t) => {
  // The checksum is no secret, so whoever likes can make these.
  const crafted = [
    { epoch: null, at: '2026-02-30T00:00:00.000000Z' },
    { epoch: null, at: '2026-01-01T24:00:00.000000Z' },
    { epoch: '2026-02-30T00:00:00.000000Z', at: '2026-01-01T00:00:00.000000Z' },
    { epoch: 7, at: ['2026-01-01T00:00:00.000000Z'] },
  ].map((position) => encodePosition('carl', position as never))
  for (const after of ['altered', 'WyJ4Il0.AAAAAAAAAAAAAAAA', ...crafted]) {
    const { next } = await follow('carl', { after })
    const reset = await next('reset')
    t.match(reset, { id: /./ }, `${after}: it begins with reset, which has an id`)
    const again = await follow('carl', { after: reset.id })
    t.ok(await again.next('ready'), `${after}: from which a stream goes on`)
  }
})

t.test('only the user’s own changes are told', async (t) => {
  const users = ['dora', 'eve']
  const streams = await Promise.all(users.map((user) => follow(user)))
  for (const { next } of streams) await next('ready')
  const made: string[] = []
  for (const user of users) made.push((await one.chat('Yours', { user })).conversation_id)
  for (const [n, { all }] of streams.entries()) {
    const events = await all()
    t.notOk(
      typesOf(events).includes('reset'),
      `${users[n]}: a first conversation is no reason to read all again`,
    )
    const told = new Set(events.flatMap(({ conversation_id }) => conversation_id ?? []))
    t.same([...told], [made[n]], `${users[n]}: no other conversation, though both are read together`)
  }
})

t.test('what is committed late is told all the same', async (t) => {
  const { next } = await follow('fay')
  const { conversation_id } = await one.chat('Hello', { user: 'fay' })
  await next('turn-ended')
  const held = postgres(one.superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => held.end())
  const turn = newTurn({ userId: 'fay' })
  await held.begin(async (tx) => {
    await tx`select colloquy.note_update('fay', ${conversation_id}, 'conversation-updated')`
    const entry = {
      ...{ user_id: 'fay', conversation_id: turn.conversationId, is_new: true, turn_id: turn.turnId },
      ...{ user_message_id: turn.userMessageId, message_id: turn.messageId, message: 'late', title: 'late' },
      ...{ model: 'echo', lease_ms: 60_000, history_messages: 1, history_tokens: 1, window_size: 1 },
    }
    await tx`select colloquy.begin_turns(${tx.json([entry])}::json, true)`
    const { turn_id } = await one.chat('Meanwhile', { user: 'fay' })
    t.ok(await next('turn-ended', { turn_id }), 'what was committed first is told first')
  })
  t.ok(await next('turn-started', { turn_id: turn.turnId }), 'a turn that began before that')
  t.ok(await next('conversation-updated', { conversation_id }), 'a change that was made before that')
})

t.test('a turn that takes long, and one whose instance died, are told to have ended', async (t) => {
  await one.call('POST', '/api/gil/conversations', { user: 'gil', body: {} })
  const early = await follow('gil')
  const { id: ready } = await early.next('ready')
  const body = { message: 'Hello', model: 'gated' }
  const answer = one.call('POST', '/api/gil/chat', { user: 'gil', body })
  const started = (await early.next('turn-started')).event
  const lost = newTurn({ userId: 'gil', leaseMs: 1 })
  await begin(one.db, lost)
  await early.next('turn-started', { turn_id: lost.turnId })
  // Both began longer ago than anybody looks back.
  const hourAgo = new Date(Date.now() - 3_600_000)
  await sql`update colloquy.turns set created_at = ${hourAgo} where user_id = 'gil'`
  await sql`
    update colloquy.conversations
    set created_at = ${hourAgo}, last_turn_at = ${hourAgo}
    where user_id = 'gil'`
  const late = await follow('gil', { app: one })
  await late.next('ready')
  t.match(
    await late.next('turn-ended', { turn_id: lost.turnId }),
    { event: { status: 'interrupted', conversation_id: lost.conversationId } },
    'that of a dead instance was interrupted',
  )
  gated.open()
  t.equal((await answer).status, 200, 'the other one is answered')
  const ended = { turn_id: started.turn_id, conversation_id: started.conversation_id, status: 'completed' }
  t.ok(await late.next('turn-ended', ended), 'who came after its beginning is told')
  t.ok(await early.next('turn-ended', ended), 'as is who came before it')
  const again = await follow('gil', { after: ready })
  t.ok(await again.next('turn-ended', ended), 'and who comes back after its end')
})

t.test('an import and an erasure are one event, and nothing of them is left to go on after', async (t) => {
  const { next, stream, all } = await follow('hal')
  const { id } = await next('ready')
  const lines = Array.from({ length: 30 }, (_, n) => ({
    type: 'conversation',
    conversation: { id: newTurn().conversationId, title: `${n}`, created_at: '2026-01-01T00:00:00.000Z' },
  }))
  const file = [...lines, { type: 'end' }].map((line) => `${JSON.stringify(line)}\n`).join('')
  const headers = { 'content-type': 'application/x-ndjson' }
  const importedAt = performance.now()
  const report = await one.call('POST', '/api/hal/import', { user: 'hal', body: file, headers })
  t.match(report.body, { conversations: { taken: 30 } }, 'it takes all of them')
  const { id: imported } = await next('reset')
  const told = typesOf(await all())
  t.notOk(told.includes('conversation-created'), 'no conversation of the file is told by itself')
  const seconds = (performance.now() - importedAt) / 1_000
  const resets = told.filter((type) => type === 'reset').length
  t.ok(resets <= seconds + 1, `${resets} resets in ${seconds} s: not one for each conversation`)
  t.ok(await (await follow('hal', { after: id })).next('reset'), 'who was away is told, too')

  const kept = (await follow('hal')).stream
  await one.call('DELETE', '/api/hal?confirm=hal', { user: 'hal' })
  const isReset = ({ event }: StreamAnswer['frames'][number]) => (event as Json).type === 'reset'
  t.ok(await stream.until((frame) => isReset(frame) && frame.id !== imported), 'an erasure is told')
  t.same(await rowsAbout(sql, 'hal'), {}, 'no row is left of the user, though streams are open')
  await kept.leave()
  t.ok(await (await follow('hal', { after: imported })).next('reset'), 'who comes back is told')
  await (await follow('hal')).next('ready')
  t.same(await rowsAbout(sql, 'hal'), {}, 'and nothing begins again for a user of whom there is nothing')
})

t.test('a fork is a new conversation, without its turns', async (t) => {
  const { conversation_id, message_id } = await one.chat('Hello', { user: 'jo' })
  const { next, all } = await follow('jo')
  await next('ready')
  const path = `/api/jo/conversations/${conversation_id}/fork`
  const { id } = (await one.call('POST', path, { user: 'jo', body: { message_id } })).body
  t.same(
    await all(),
    [{ type: 'ready' }, { type: 'conversation-created', conversation_id: id }],
    'its turns did not begin now',
  )
})

t.test('every one of many quick turns of a conversation is told', async (t) => {
  const { next, events } = await follow('kim')
  await next('ready')
  const { conversation_id } = await one.chat('0', { user: 'kim' })
  const turns: string[] = []
  for (let n = 0; n < 10; n += 1)
    turns.push((await one.chat(`${n}`, { user: 'kim', conversation_id })).turn_id)
  await next('turn-ended', { turn_id: turns.at(-1) })
  const told = (type: string) => events().flatMap((event) => (event.type === type ? [event.turn_id] : []))
  for (const type of ['turn-started', 'turn-ended'])
    t.same(told(type).slice(1), turns, `${type}: once each, in their order`)
})

t.test('one statement per tick serves all who follow; where nobody does, there is none', async (t) => {
  // Its clock is ahead, and decides when a token has expired.
  const now = () => Date.now() + 60_000
  let statements = 0
  const db: TestApp['db'] = {
    ...one.db,
    statement(work, ...rest) {
      statements += 1
      return one.db.statement(work, ...rest)
    },
  }
  const app = await testApp(t, {
    db,
    databaseUrl: one.databaseUrl,
    instanceLimits: { ...noInstanceLimits, openStreams: 12 },
    auth: { shared: { secret: SECRET }, now },
  })
  const openedAt = performance.now()
  const users = Array.from({ length: 10 }, (_, n) => `user-${n}`)
  const streams = await Promise.all(users.map((user) => follow(user, { app })))
  const second = await follow('user-0', { app })
  const ticks = Math.ceil((performance.now() - openedAt) / 400)
  t.ok(statements <= 10 + ticks, `${statements} statements begin with each user, and not with each stream`)
  const startedAt = performance.now()
  statements = 0
  await until(() => statements >= 4)
  t.ok(performance.now() - startedAt > 1_000, 'they share one statement per tick')

  const exp = Math.ceil(now() / 1_000) + 5
  const token = hs256(claims({ sub: 'lou', iss: undefined, aud: undefined, exp }))
  const headers = { authorization: `Bearer ${token}` }
  const expiring = await app.stream('GET', '/api/lou/updates', { headers })
  t.equal(
    (await app.call('GET', '/api/max/updates', { user: 'max' })).status,
    503,
    'streams count as others do',
  )
  await expiring.all()
  const lateMs = now() - exp * 1_000
  t.ok(lateMs >= -50, `${lateMs} ms after its token, and not before it, a stream ends`)
  for (const { stream } of [...streams, second]) await stream.leave()
  await until(async () => {
    const before = statements
    await new Promise((resolve) => setTimeout(resolve, 900))
    return statements === before
  }, 'no statement')

  const last = await follow('user-0', { app })
  const closing = app.app.close()
  t.same(await last.stream.all(), [{ type: 'ready' }], 'a shutdown ends the stream')
  await closing
})
