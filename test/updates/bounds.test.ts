import postgres from 'postgres'
import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { pruneUpdates } from '../../src/turns/store/prune-updates.js'
import { removeExpired } from '../../src/turns/store/remove-expired.js'
import { maxStreamsOfUser } from '../../src/updates/updates.js'
import { testApp } from '../helpers/app.js'
import { until } from '../helpers/models.js'
import { rowsAbout } from '../helpers/stored-rows.js'
import { begin, end, endOf, newTurn } from '../helpers/turns.js'
import { updatesReader } from '../helpers/updates.js'

// How much may change, how long it may take, and how many may follow it.
const app = await testApp(t)
const sql = postgres(app.superuserUrl, { max: 3, onnotice: () => {} })
t.teardown(() => sql.end())
const follow = updatesReader(t, app, app)

/** Notes that many changes of conversations that are not there. */
const noteChanges = (user: string, count: number) => sql`
  insert into colloquy.updates (user_id, at, conversation_id, type)
  select ${user}, now(), i.id, 'conversation-updated'
  from unnest(${Array.from({ length: count }, () => uuidv7())}::uuid[]) i (id)`

t.test('a user may have only so many streams, and takes none of the others’', async (t) => {
  const streams = await Promise.all(Array.from({ length: maxStreamsOfUser }, () => follow('alice')))
  const refused = await app.call('GET', '/api/alice/updates')
  t.match(
    refused.body,
    { status: 429, code: 'rate-limited', limit: 'update-streams' },
    'one more is refused, and the limit is named',
  )
  t.match(refused.headers.get('retry-after'), /^\d+$/, 'it says when to come back')
  const bounded = '/api/ben/updates?max_seconds=1'
  t.equal((await app.call('GET', bounded, { user: 'ben' })).status, 200, 'others have theirs')
  await streams[0]?.stream.leave()
  await until(async () => (await app.call('GET', '/api/alice/updates?max_seconds=1')).status === 200)
  for (const { stream } of streams) await stream.leave()
})

t.test('more changes than are told one by one are a reset, and turns that run are told to end', async (t) => {
  const { next, events } = await follow('carl')
  const { id } = await next('ready')
  await noteChanges('carl', 600)
  t.ok(await next('reset'), 'there is more')
  const turn = newTurn({ userId: 'carl' })
  await begin(app.db, turn)
  await noteChanges('carl', 1)
  const [note] = await sql<[{ conversation_id: string }]>`
    select conversation_id from colloquy.updates where user_id = 'carl' order by at desc limit 1`
  t.ok(await next('conversation-updated', note), 'what is newest is told all the same')
  t.ok(await (await follow('carl', { after: id })).next('reset'), 'who comes back reads everything again')
  // It began longer ago than anybody looks back.
  await sql`update colloquy.turns set created_at = created_at - interval '1 hour' where user_id = 'carl'`
  await sql`
    update colloquy.conversations
    set created_at = created_at - interval '1 hour', last_turn_at = last_turn_at - interval '1 hour'
    where user_id = 'carl'`
  await end(app.db, endOf(turn))
  t.ok(await next('turn-ended', { turn_id: turn.turnId }), 'the turn that began meanwhile is told to end')
  const resets = events().filter(({ type }) => type === 'reset').length
  t.ok(resets < 10, `${resets}: not one reset for each time it is read`)
})

t.test('one who comes back is told of every turn of a conversation, or to read again', async (t) => {
  const { conversation_id } = await app.chat('Hello', { user: 'dora' })
  const { next, stream } = await follow('dora')
  const { id } = await next('ready')
  await stream.leave()
  const turns: string[] = []
  for (let n = 0; n < 40; n += 1)
    turns.push((await app.chat(`${n}`, { user: 'dora', conversation_id })).turn_id)
  const again = await follow('dora', { after: id })
  const events = await again.all()
  for (const type of ['turn-started', 'turn-ended']) {
    // One may come again, where the stream before is still told of some of them.
    const told = new Set(events.flatMap((event) => (event.type === type ? [event.turn_id] : [])))
    t.same([...told].slice(1), turns, `${type}: all of them, in their order`)
  }
})

t.test('so many conversations that not all are looked at are a reset', async (t) => {
  await app.call('POST', '/api/eve/conversations', { user: 'eve', body: {} })
  const { next, stream } = await follow('eve')
  const { id } = await next('ready')
  await stream.leave()
  await sql`
    insert into colloquy.conversations (user_id, id, last_position, created_at, updated_at, last_turn_at)
    select 'eve', gen_random_uuid(), 0, now() - interval '3 hours', now(), now() - interval '1 hour'
    from generate_series(1, 5001)`
  t.equal((await (await follow('eve', { after: id })).all())[0].type, 'reset', 'it is not passed over')
})

t.test('an import that goes on holds up nobody', async (t) => {
  const fay = await follow('fay')
  const gil = await follow('gil')
  await fay.next('ready')
  await gil.next('ready')
  const held = postgres(app.superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => held.end())
  await held.begin(async (tx) => {
    await tx`insert into colloquy.update_streams (user_id, since) values ('fay', now())`
    for (const { all } of [fay, gil])
      t.ok(await all(), 'what changes meanwhile is told, to the user and to others')
  })
  t.ok(await fay.next('reset'), 'and the import')
})

t.test('a big conversation is told once to be deleted', async (t) => {
  for (const how of ['deleted', 'expired']) {
    const { conversation_id } = await app.chat('Hello', { user: 'hal' })
    await app.chat('Hello', { user: 'hal', conversation_id })
    const { next, all } = await follow('hal')
    await next('ready')
    if (how === 'deleted') {
      await sql`select colloquy.delete_conversation('hal', ${conversation_id}, 1)`
    } else {
      await sql`
        update colloquy.conversations set own_expires_at = now(), expires_at = now() where id = ${conversation_id}`
      await sql`insert into colloquy.removals values ('hal', ${conversation_id}, now())`
    }
    const removal = { claim: uuidv7(), leaseMs: 60_000, retention: undefined, rows: 1 }
    await until(async () => (await removeExpired(app.db, removal)) === 'done')
    await next('conversation-deleted', { conversation_id })
    const events = await all()
    t.equal(
      events.filter(
        (event) => event.type === 'conversation-deleted' && event.conversation_id === conversation_id,
      ).length,
      1,
      `${how}: once, though it takes several parts`,
    )
    t.same(
      await sql`select 1 from colloquy.conversations where id = ${conversation_id}`,
      [],
      `${how}: it is gone`,
    )
  }
})

t.test(
  'of a conversation that is changed again and again the last change is told, and one note kept',
  async (t) => {
    const { body } = await app.call('POST', '/api/jo/conversations', { user: 'jo', body: {} })
    const patch = (change: object) =>
      app.call('PATCH', `/api/jo/conversations/${body.id}`, { user: 'jo', body: change })
    const notes = () => sql<{ at: string }[]>`select at::text from colloquy.updates where user_id = 'jo'`
    const { all } = await follow('jo')
    const updatesTold = async () => (await all()).filter(({ type }) => type === 'conversation-updated').length

    await patch({ title: 'One', metadata: { a: 'b' } })
    t.equal(await updatesTold(), 1, 'a change is told')
    const first = await notes()
    await patch({ title: 'One' })
    await patch({ metadata: { a: 'b', c: null }, archived: false, pinned: false, expires_at: null })
    t.same(await notes(), first, 'what changes nothing is not noted')
    // As a day later, when the note has been pruned.
    await sql`update colloquy.conversations set noted_at = noted_at - interval '25 hours' where id = ${body.id}`
    await sql`delete from colloquy.updates where user_id = 'jo'`
    const tooMany = Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`key${n}`, 'x']))
    await patch({ title: 'One' })
    t.equal((await patch({ title: 'Never', metadata: tooMany })).status, 422, 'too many pairs are refused')
    t.same(await notes(), [], 'nor is a note that was pruned written again')
    for (const change of [{ title: 'Two' }, { archived: true }, { metadata: { a: null } }])
      await patch(change)
    t.ok((await updatesTold()) > 1, 'the changes after it are told')
    await Promise.all(Array.from({ length: 8 }, (_, n) => patch({ title: `${n}` })))
    await sql`
    select colloquy.act_as('jo'), colloquy.note_update('jo', ${body.id}, 'conversation-updated')`
    const left = await notes()
    t.equal(left.length, 1, 'one note is kept, also of changes at once')
    t.not(left[0]?.at, first[0]?.at, 'and that is the last one')
  },
)

t.test('of a user who has deleted everything nothing is left after a day', async (t) => {
  const { body } = await app.call('POST', '/api/ida/conversations', { user: 'ida', body: {} })
  const { next, stream } = await follow('ida')
  await next('ready')
  await app.call('DELETE', `/api/ida/conversations/${body.id}`, { user: 'ida' })
  await next('conversation-deleted')
  await stream.leave()
  await sql`update colloquy.updates set at = at - interval '25 hours' where user_id = 'ida'`
  await sql`update colloquy.update_streams set since = since - interval '25 hours' where user_id = 'ida'`
  await pruneUpdates(app.db, 1_000)
  t.same(await rowsAbout(sql, 'ida'), {}, 'neither notes nor since when there could be some')
})
