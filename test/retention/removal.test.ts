import postgres from 'postgres'
import t from 'tap'
import { keepRemoved } from '../../src/turns/retention.js'
import type { RetentionRule } from '../../src/turns/retention-rule.js'
import { removeExpired } from '../../src/turns/store/remove-expired.js'
import { createTurnStore } from '../../src/turns/store/turn-store.js'
import { testApp } from '../helpers/app.js'
import { stopClock } from '../helpers/clock.js'
import { until } from '../helpers/models.js'
import { begin, newTurn } from '../helpers/turns.js'

const rule: RetentionRule = { days: 30, keeps_pinned: true, keeps_archived: false }
const start = new Date('2030-01-01T00:00:00.000Z')
const after = (days: number, ms = 0) => new Date(start.getTime() + days * 86_400_000 + ms)
const iso = (days: number) => after(days).toISOString()

const app = await testApp(t, { retention: rule })
const { db, call, chat } = app
const sql = postgres(app.superuserUrl, { max: 1, onnotice: () => {} })
t.teardown(() => sql.end())
const setClock = await stopClock(sql)
t.beforeEach(() => setClock(start))

const ids = { a: '019a0c4e-7b7a-7c11-9f0e-00000000000a', b: '019a0c4e-7b7a-7c11-9f0e-00000000000b' }
const remove = (fields: { claim?: string; retention?: RetentionRule | undefined; rows?: number } = {}) =>
  removeExpired(db, { claim: ids.a, leaseMs: 60_000, retention: rule, rows: 1_000, ...fields })

/** Does all that there is to do, as one instance; gives the number of calls. */
const removeAll = async (fields: Parameters<typeof remove>[0] = {}): Promise<number> => {
  for (let calls = 1; ; calls += 1) if ((await remove(fields)) !== 'more') return calls
}

const of = async (user: string) => {
  const path = `/api/${user}/conversations`
  const { conversation_id: id } = await chat('hello', { user })
  const patch = async (body: object) => (await call('PATCH', `${path}/${id}`, { user, body })).body
  const get = async () => call('GET', `${path}/${id}`, { user })
  return { id, user, patch, get, say: () => chat('again', { user, conversation_id: id }) }
}

const rowsOf = async (user: string) => {
  const names = ['conversations', 'turns', 'messages', 'removals', 'idempotency_keys', 'usage']
  const counts = names.map((name) => sql`select from ${sql(`colloquy.${name}`)} where user_id = ${user}`)
  return (await Promise.all(counts)).map(({ length }) => length)
}

t.test('a conversation expires some days after its last turn', async (t) => {
  const { get, say, patch } = await of('ann')
  t.match((await get()).body, { expires_at: iso(30), pinned: false }, 'after the first one')
  await setClock(after(10))
  await say()
  t.match((await get()).body, { expires_at: iso(40) }, 'another one puts it off')
  t.match(await patch({ title: 'x' }), { expires_at: iso(40) }, 'renaming does not')
  t.match(await patch({ archived: true }), { expires_at: iso(40) }, 'nor does archiving, which is not kept')
  t.match(await patch({ pinned: true }), { pinned: true, expires_at: null }, 'a pinned one is kept')
  await setClock(after(90))
  t.match(await patch({ title: 'y' }), { expires_at: null }, 'for long')
  t.match(await patch({ pinned: false }), { expires_at: iso(120) }, 'and goes not at once when it is no more')
  await setClock(after(120))
  t.equal((await get()).status, 404, 'at its time it is gone')
})

t.test('what the user sets holds where it is earlier, pinned or not', async (t) => {
  const { get, say, patch } = await of('bea')
  t.match(await patch({ expires_at: iso(5) }), { expires_at: iso(5) }, 'an earlier one')
  t.match(await patch({ pinned: true }), { expires_at: iso(5) }, 'of a pinned one')
  await say()
  t.match((await get()).body, { expires_at: iso(5) }, 'a turn does not put it off')
  t.match(await patch({ expires_at: null }), { expires_at: null }, 'it can be taken back')
  t.match(
    await patch({ pinned: false, expires_at: iso(50) }),
    { expires_at: iso(30) },
    'a later one does not',
  )
  const path = '/api/bea/conversations'
  const made = await call('POST', path, { user: 'bea', body: { expires_at: iso(3) } })
  t.match(made.body, { expires_at: iso(3) }, 'one may have it from the beginning on')
  const forked = await call('POST', `${path}/${(await get()).body.id}/fork`, {
    user: 'bea',
    body: { message_id: (await get()).body.active_message_id },
  })
  t.match(forked.body, { pinned: false, expires_at: iso(30) }, 'a fork has its own time')
})

t.test('its rows are removed, and its key and the usage stay', async (t) => {
  const { say } = await of('cid')
  await say()
  await call('POST', '/api/cid/chat', {
    user: 'cid',
    body: { message: 'k' },
    headers: { 'idempotency-key': 'k' },
  })
  await setClock(after(10))
  await of('cid')
  await setClock(after(29))
  await removeAll()
  t.same(await rowsOf('cid'), [3, 4, 8, 3, 1, 2], 'not before its time')
  await setClock(after(30))
  await removeAll()
  t.same(await rowsOf('cid'), [1, 1, 2, 1, 1, 2], 'but then')
})

t.test('a turn puts the removal off, without another row written', async (t) => {
  const { id, say, get } = await of('dot')
  await setClock(after(20))
  await say()
  const at = async () =>
    (await sql`select remove_at from colloquy.removals where conversation_id = ${id}`)[0]?.remove_at
  t.same(await at(), after(30), 'it is looked at when it would have expired')
  await setClock(after(31))
  await removeAll()
  t.same(await at(), after(50), 'and then when it does')
  t.equal((await get()).status, 200, 'it is there')
})

t.test('a changed rule holds for what is there already', async (t) => {
  const users = ['eve', 'eve', 'eva', 'eva', 'evi']
  const all: Awaited<ReturnType<typeof of>>[] = []
  for (const user of users) all.push(await of(user))
  await all[3]?.patch({ pinned: true })
  await setClock(after(10))
  const expiries = async () => {
    const seen = await Promise.all(all.map(({ get }) => get()))
    return seen.map(({ status, body }) => (status === 404 ? 'gone' : body.expires_at))
  }
  await removeAll({ retention: { ...rule, days: 12 }, rows: 2 })
  t.same(await expiries(), [iso(12), iso(12), iso(12), null, iso(12)], 'a shorter one, in several batches')
  await removeAll({ retention: { days: 5, keeps_pinned: false, keeps_archived: true } })
  t.same(await expiries(), Array(5).fill('gone'), 'one whose time is over')
  t.same(await rowsOf('eva'), [0, 0, 0, 0, 0, 1], 'nothing is left')
  const kept = await of('evo')
  await removeAll({ retention: undefined })
  t.match((await kept.get()).body, { expires_at: null }, 'no rule')
  await setClock(after(1_000))
  await removeAll({ retention: undefined })
  t.equal(await removeAll({ retention: undefined }), 1, 'leaves nothing to do')
  t.equal((await kept.get()).status, 200, 'and keeps everything')
})

t.test('a big conversation goes in small batches, and does not come back between them', async (t) => {
  const { id, get, say } = await of('fay')
  for (let n = 0; n < 20; n += 1) await say()
  const left = async () => (await sql`select from colloquy.messages where conversation_id = ${id}`).length
  await removeAll()
  await setClock(after(30))
  const seen = [await left()]
  await remove({ rows: 10 })
  seen.push(await left())
  t.same(seen, [42, 32], 'as many rows as are allowed')
  await removeAll({ retention: { ...rule, days: 3_000 }, rows: 10 })
  t.equal((await get()).status, 404, 'a longer rule brings nothing back')
  t.same(await rowsOf('fay'), [0, 0, 0, 0, 0, 1], 'all of it goes')
  await removeAll()
})

t.test('a deletion of a long conversation takes it away at once, and its rows bit by bit', async (t) => {
  const { id, get } = await of('joy')
  const path = `/api/joy/conversations/${id}`
  const body = { message: 'k', conversation_id: id }
  const headers = { 'idempotency-key': 'k' }
  t.equal((await call('POST', '/api/joy/chat', { user: 'joy', body, headers })).status, 200, 'with a key')
  await sql`
    insert into colloquy.messages (user_id, conversation_id, position, id, role, status, content, created_at)
    select 'joy', ${id}, n, gen_random_uuid(), 'user', 'completed', 'many words', now()
    from generate_series(5, 25000) n`
  await sql`update colloquy.conversations set last_position = 25000 where id = ${id}`
  const turn = newTurn({ userId: 'joy', conversationId: id, isNewConversation: false, reserved: 7 })
  t.equal((await begin(db, { ...turn, retention: rule })).outcome, 'begun', 'and a turn that runs')
  t.equal((await call('DELETE', path, { user: 'joy' })).status, 204, 'it is deleted')
  const [conversations, turns, messages, removals, keys] = await rowsOf('joy')
  t.ok(messages && messages > 10_000, `without touching all of its rows: ${messages} are left`)
  t.same([conversations, turns, removals, keys], [1, 0, 1, 1], 'its turn is not left to run')
  const [usage] = await sql`select sum(cost)::int as cost from colloquy.usage where user_id = 'joy'`
  t.equal(usage?.cost, 7, 'and costs what it reserved')
  t.equal((await get()).status, 404, 'it is gone')
  t.equal((await call('DELETE', path, { user: 'joy' })).status, 404, 'for another deletion, too')
  const again = await call('POST', '/api/joy/chat', { user: 'joy', body, headers })
  t.equal(again.status, 404, 'and for its key, which outlives it')
  const found = await call('GET', '/api/joy/search?q=words', { user: 'joy' })
  t.same(found.body.data, [], 'no search finds it')
  const exported = await call('GET', '/api/joy/export', { user: 'joy' })
  t.notMatch(exported.text, id, 'nor has an export anything of it')
  t.ok((await removeAll()) > 5, 'the rest goes in bounded steps')
  t.same(await rowsOf('joy'), [0, 0, 0, 0, 1, 1], 'until nothing is left but the key and the usage')
  t.same(await removeAll(), 1, 'and nothing to do')
})

t.test('a turn that runs is waited for, unless its instance is dead', async (t) => {
  const turn = newTurn({ userId: 'gus', leaseMs: 60_000, retention: rule })
  await begin(db, turn)
  await setClock(after(30))
  await sql`update colloquy.turns set lease_until = ${after(30, 5_000)} where id = ${turn.turnId}`
  await removeAll()
  t.same((await rowsOf('gus')).slice(0, 3), [1, 1, 1], 'nothing is taken from it')
  await setClock(after(30, 5_002))
  await removeAll()
  t.same((await rowsOf('gus')).slice(0, 3), [0, 0, 0], 'a dead one’s goes')
})

t.test(
  'what a turn of a dead instance has reserved is charged once, in however many batches it goes',
  async (t) => {
    const { id, user, say } = await of('ian')
    for (let n = 0; n < 6; n += 1) await say()
    const turn = newTurn({ userId: user, conversationId: id, isNewConversation: false })
    await begin(db, { ...turn, retention: rule, reserved: 77 })
    await setClock(after(31))
    await removeAll({ rows: 3 })
    t.same((await rowsOf(user)).slice(0, 3), [0, 0, 0], 'everything is removed')
    const [{ cost } = {}] =
      await sql`select sum(cost)::int as cost from colloquy.usage where user_id = ${user}`
    t.equal(cost, 77, 'the model may have been paid for it once')
  },
)

t.test('one instance at a time removes, and another follows one that was killed', async (t) => {
  for (let n = 0; n < 30; n += 1) await of('hal')
  await removeAll()
  await setClock(after(31))
  t.equal(await remove({ claim: ids.a, rows: 10 }), 'more', 'one begins')
  t.equal(await remove({ claim: ids.b, rows: 10 }), 'taken', 'another leaves it to that one')
  await setClock(after(31, 60_001))
  t.equal(await remove({ claim: ids.b, rows: 10 }), 'more', 'until it has not been heard of for a minute')
  t.equal(await remove({ claim: ids.a, rows: 10 }), 'taken', 'then the first one has lost it')
  await setClock(after(31, 120_002))
  const end = new AbortController()
  const warnings: object[] = []
  const log = { warn: (fields: object) => warnings.push(fields) }
  const options = { store: createTurnStore(db), log, retention: rule, removeEveryMs: 5, rows: 10 }
  const instances = [1, 2, 3].map(() => keepRemoved(options, end.signal))
  await until(async () => (await rowsOf('hal'))[0] === 0)
  end.abort()
  await Promise.all(instances)
  t.same(warnings, [], 'several at once fail at nothing')
  t.same(await rowsOf('hal'), [0, 0, 0, 0, 0, 1], 'and remove everything')
})
