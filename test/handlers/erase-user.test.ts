import postgres from 'postgres'
import t from 'tap'
import { emptyAnswer } from '../../src/turns/events.js'
import { setTitle } from '../../src/turns/store/set-title.js'
import { type Json, type TestApp, testApp } from '../helpers/app.js'
import { isWaiting } from '../helpers/is-waiting.js'
import { gatedModel, until } from '../helpers/models.js'
import { rowsAbout } from '../helpers/stored-rows.js'
import { errorOf, turnOf } from '../helpers/stream.js'

type Test = Parameters<typeof testApp>[0]

const erase = ({ call }: TestApp, user = 'alice') => call('DELETE', `/api/${user}?confirm=${user}`, { user })

const nothing = {
  conversations: 0,
  turns: 0,
  messages: 0,
  feedback: 0,
  stream_events: 0,
  idempotency_keys: 0,
  usage: 0,
  limit_counts: 0,
  updates: 0,
}

const superuser = (t: Test, { superuserUrl }: TestApp) => {
  const sql = postgres(superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  return sql
}

t.test('a user is erased', async (t) => {
  const gated = gatedModel()
  const app = await testApp(t, { model: gated.model, shutdownMs: 0 })
  const other = await testApp(t, { model: gated.model, databaseUrl: app.databaseUrl, shutdownMs: 0 })
  const sql = superuser(t, app)
  gated.open()
  const secrets = ['what only alice says', 'her title', 'her note']
  const send = (user: string, body: object, key: string) =>
    app.call('POST', `/api/${user}/chat`, { user, body, headers: { 'idempotency-key': key } })
  for (const user of ['alice', 'bob']) {
    const { body } = await send(user, { message: secrets[0] }, 'one')
    await send(user, { message: secrets[0], conversation_id: body.conversation_id }, 'two')
    const { body: deleted } = await send(user, { message: secrets[0] }, 'of-the-deleted')
    await app.call('DELETE', `/api/${user}/conversations/${deleted.conversation_id}`, { user })
    const fields = { title: secrets[1], metadata: { note: secrets[2] } }
    await app.call('POST', `/api/${user}/conversations`, { user, body: fields })
    await app.call('PATCH', `/api/${user}/conversations/${body.conversation_id}`, {
      user,
      body: { archived: true },
    })
  }
  const before = await rowsAbout(sql, 'bob')

  await t.test('not without the same id in `confirm`', async (t) => {
    for (const query of ['', '?confirm=', '?confirm=bob', '?confirm=ALICE', '?confirm=alice&confirm=bob']) {
      const { status, body } = await app.call('DELETE', `/api/alice${query}`)
      t.equal(status, 422, `"${query}" is refused`)
      t.match(body.errors, [{ path: '/query/confirm' }], `"${query}" is told apart by its place`)
    }
    // A client that resolves the dots of `…/conversations/..` sends the path of the user.
    const slips = ['/api/alice/conversations/..', '/api/alice/conversations/../', '/api/alice/']
    for (const path of slips) {
      const { status } = await app.call('DELETE', path)
      t.ok(status === 404 || status === 422, `${path} erases nothing: ${status}`)
    }
    t.equal((await app.call('DELETE', '/api/bob?confirm=bob')).status, 403, 'nor by another user')
    t.match(await rowsAbout(sql, 'alice'), { 'colloquy.messages': 4 }, 'nothing was erased')
  })

  await t.test('with everything that is stored, and the receipt counts it', async (t) => {
    const { status, body } = await erase(app)
    t.equal(status, 200, 'it is answered with a receipt')
    t.match(body, { user_id: 'alice', erased_at: /^\d{4}-/ }, 'of this user')
    t.same(
      body.rows,
      {
        ...nothing,
        ...{
          conversations: 2,
          turns: 2,
          messages: 4,
          idempotency_keys: 3,
          usage: 1,
          limit_counts: 1,
          updates: 2,
        },
      },
      'which counts the rows by kind',
    )
    t.same(await rowsAbout(sql, 'alice'), {}, 'no table has a row of the user')
    t.same(await rowsAbout(sql, 'bob'), before, 'another user keeps every row')
    const again = await erase(app)
    t.same([again.status, again.body.rows], [200, nothing], 'erasing again is safe, and finds nothing')
    const { body: list } = await app.call('GET', '/api/alice/conversations')
    t.same(list.data, [], 'the user has no conversations')
    t.equal((await send('alice', { message: 'anew' }, 'one')).body.status, 'completed', 'and may begin anew')
    await erase(app)
  })

  await t.test('what a job beside the turns has cost does not come back', async (t) => {
    const { conversation_id } = await app.chat('to be named')
    await erase(app)
    await setTitle(app.db, {
      userId: 'alice',
      conversationId: conversation_id,
      title: 'late',
      model: 'gated',
      usage: { ...emptyAnswer().usage, cost: null },
    })
    t.same(await rowsAbout(sql, 'alice'), {}, 'a title that is made too late leaves nothing')
  })

  await t.test('what begins in the middle of it stays as a whole', async (t) => {
    // A message that nothing leads to, held by somebody else: the last step of the erasure waits for it.
    await sql`
      insert into colloquy.messages (user_id, conversation_id, position, id, role, status, content, created_at)
      values ('alice', gen_random_uuid(), 1, gen_random_uuid(), 'user', 'completed', 'left behind', now())`
    const holder = postgres(app.superuserUrl, { max: 1, onnotice: () => {} })
    t.teardown(() => holder.end())
    const erased = await holder.begin(async (tx) => {
      await tx`select from colloquy.messages where content = 'left behind' for update`
      const erasing = erase(app)
      await until(() => isWaiting(sql), 'somebody to wait for a lock')
      t.equal((await send('alice', { message: 'meanwhile' }, 'meanwhile')).status, 200, 'a turn begins')
      return { erasing }
    })
    const { status, body } = await erased.erasing
    t.match([status, body.rows], [200, { messages: 1 }], 'the erasure ends')
    const again = await send('alice', { message: 'meanwhile' }, 'meanwhile')
    t.match(
      [again.status, again.headers.get('idempotency-replayed')],
      [200, 'true'],
      'the turn is there, and so is its key',
    )
    await erase(app)
  })

  await t.test('also while turns run, on any instance', async (t) => {
    const closed = gatedModel()
    const [one, two] = [
      await testApp(t, { model: closed.model, databaseUrl: app.databaseUrl, shutdownMs: 0 }),
      other,
    ]
    const waiting = one.call('POST', '/api/alice/chat', { body: { message: 'of a JSON turn' } })
    const stream = await one.stream('POST', '/api/alice/chat', { body: { message: 'of a stream' } })
    const { turn_id, conversation_id } = await turnOf(stream)
    const followed = await two.stream('GET', `/api/alice/turns/${turn_id}/stream`)
    const queued = two.call('POST', '/api/alice/chat', { body: { conversation_id, message: 'waits' } })
    await until(
      async () => (await sql`select from colloquy.turn_events where user_id = 'alice'`).length === 2,
    )

    const { body } = await erase(two)
    t.match(body.rows, { conversations: 2, turns: 2, messages: 2, stream_events: 2 }, 'what runs is counted')
    const answer = await waiting
    t.same([answer.status, answer.body.code], [404, 'conversation-not-found'], 'who waits gets 404')
    t.equal((await queued).status, 404, 'so does who waits for the conversation')
    t.equal(errorOf(await stream.all()), 'turn-not-found', 'the stream ends with an error')
    t.equal(errorOf(await followed.all()), 'turn-not-found', 'so does one on another instance')
    await until(() => closed.working() === 0)
    t.same(await rowsAbout(sql, 'alice', ['of a JSON turn', 'of a stream']), {}, 'their ends write nothing')
  })
})

t.test('erasing goes together with everything else that happens at once', async (t) => {
  const app = await testApp(t)
  const sql = superuser(t, app)
  let isOver = false
  const statuses = new Set<number>()
  const talk = async (who: number) => {
    let conversation_id: string | undefined
    for (let n = 0; !isOver; n += 1) {
      const answer = await app.call('POST', '/api/alice/chat', {
        body: { message: `${who} says ${n}`, ...(conversation_id && { conversation_id }) },
        headers: { 'idempotency-key': `${who}-${n}` },
      })
      statuses.add(answer.status)
      conversation_id = answer.status === 200 && n % 4 !== 3 ? answer.body.conversation_id : undefined
    }
  }
  const eraseOften = async () => {
    for (let n = 0; n < 15; n += 1) statuses.add((await erase(app)).status)
    isOver = true
  }
  await Promise.all([eraseOften(), eraseOften(), ...Array.from({ length: 6 }, (_, n) => talk(n))])
  t.same([...statuses].sort(), [200, 404], 'nothing deadlocks or fails: what was erased is not found')
  const halves = await sql`
    select t.id
    from colloquy.turns t
    left join colloquy.messages q on q.user_id = t.user_id and q.id = t.user_message_id
    left join colloquy.messages a on a.user_id = t.user_id and a.id = t.message_id
    left join colloquy.idempotency_keys k on k.user_id = t.user_id and k.turn_id = t.id
    where q.id is null or a.id is null or k.turn_id is null`
  const orphans = await sql`
    select m.id
    from colloquy.messages m
    left join colloquy.turns t on t.user_id = m.user_id and t.id = m.turn_id
    where t.id is null`
  t.same(
    [...halves, ...orphans],
    [],
    'no turn survives half: question, answer and key are all there, or none is',
  )
  await erase(app)
  t.same(await rowsAbout(sql, 'alice'), {}, 'in the end nothing is left')
})

t.test('100,000 messages go in transactions that each stay within their limits', async (t) => {
  const app = await testApp(t)
  const sql = superuser(t, app)
  const fill = async (first: number, conversations: number, messages: number) => {
    await sql`set session_replication_role = replica`
    const id = (n: ReturnType<typeof sql>) =>
      sql`to_char((c * 1000000::bigint + ${n}), 'FM000000000000"7"000"8"0"00000000000000"')::uuid`
    const numbers = sql`generate_series(${first}::bigint, ${first + conversations - 1}::bigint) c`
    await sql`
      insert into colloquy.conversations
        (user_id, id, title, last_position, last_turn_id, created_at, updated_at, last_turn_at)
      select 'alice', ${id(sql`0`)}, 'long', ${messages}::int, ${id(sql`1`)}, now(), now(), now() from ${numbers}`
    await sql`
      insert into colloquy.turns (user_id, id, conversation_id, position, status, attempt, begun_by,
        user_message_id, message_id, model, created_at, finished_at)
      select 'alice', ${id(sql`t`)}, ${id(sql`0`)}, 2 * t - 1, 'completed', 1, ${id(sql`t`)},
        ${id(sql`2 * t - 1`)}, ${id(sql`2 * t`)}, 'echo', now(), now()
      from ${numbers}, generate_series(1, ${messages / 2}::int) t`
    await sql`
      insert into colloquy.messages (user_id, conversation_id, position, id, turn_id, role, status, content, created_at)
      select 'alice', ${id(sql`0`)}, p, ${id(sql`p`)}, ${id(sql`(p + 1) / 2`)},
        case p % 2 when 1 then 'user' else 'assistant' end, 'completed', 'a message of some words', now()
      from ${numbers}, generate_series(1, ${messages}::int) p`
  }
  await fill(0, 1, 40_000)
  const [first] =
    await sql`select is_done, erased from colloquy.erase_user(p_user_id => 'alice', p_rows => 1000)`
  t.match(first, { is_done: false, erased: { conversations: 0, messages: 1_000 } }, 'also of a long one some')
  const half = await app.call('GET', '/api/alice/conversations/00000000-0000-7000-8000-000000000000')
  t.equal(half.status, 404, 'of which nobody sees the rest')
  await fill(1, 6_000, 10)
  const start = performance.now()
  const { status, body } = await erase(app)
  t.comment(`${Math.round(performance.now() - start)} ms`)
  t.equal(status, 200, 'all of them are erased')
  const counted: Json = { conversations: 6_001, turns: 49_000, messages: 99_000 }
  t.match(body.rows, counted, 'and counted')
  t.same(await rowsAbout(sql, 'alice'), {}, 'nothing is left')
})
