import postgres from 'postgres'
import t from 'tap'
import { type Json, testApp } from '../helpers/app.js'

const path = '/api/alice/conversations'

t.test('a conversation begins with its first message and goes on with the next', async (t) => {
  const { call, chat } = await testApp(t)
  const first = await chat('Hello\nthere')
  const second = await chat('Again', { conversation_id: first.conversation_id })
  t.equal(second.conversation_id, first.conversation_id, 'the next message is of the same conversation')
  t.not(second.turn_id, first.turn_id, 'and begins another turn')

  const { body } = await call('GET', `${path}/${first.conversation_id}`)
  t.match(
    body,
    { title: 'Hello there', archived: false, metadata: {}, message_count: 4, running_turn_id: null },
    'the conversation is named after its first message and counts all four',
  )
  t.ok(
    body.last_turn_at > body.created_at && body.updated_at >= body.last_turn_at,
    'the times are in their order',
  )

  const { body: turn } = await call('GET', `/api/alice/turns/${second.turn_id}`)
  t.match(
    turn,
    {
      id: second.turn_id,
      conversation_id: first.conversation_id,
      status: 'completed',
      attempt: 1,
      user_message_id: second.user_message_id,
      message_id: second.message_id,
      model: 'echo',
      error: null,
    },
    'the turn is described as it was answered',
  )
})

t.test(
  'a title is the first 80 characters of the first message, without white space around them',
  async (t) => {
    const { call, chat } = await testApp(t)
    const titles: [message: string, title: string][] = [
      ['  spaced out \n', 'spaced out'],
      [`${' '.repeat(100)}late`, 'late'],
      ['😀'.repeat(81), '😀'.repeat(80)],
      [`${'a'.repeat(79)} b`, 'a'.repeat(79)],
    ]
    for (const [message, title] of titles) {
      const { conversation_id } = await chat(message)
      const { body } = await call('GET', `${path}/${conversation_id}`)
      t.ok(body.title === title, `${[...title].length} characters`)
      const { body: list } = await call('GET', `${path}/${conversation_id}/messages?limit=1`)
      t.ok(list.data[0].content === message, 'the message is stored as it was sent')
    }
  },
)

t.test('conversations are listed by their last turn, newest first, a page at a time', async (t) => {
  const { call, chat } = await testApp(t)
  const ids: string[] = []
  for (const message of ['a', 'b', 'c', 'd', 'e']) ids.push((await chat(message)).conversation_id)
  await chat('again', { conversation_id: ids[1] })
  await chat('of bob', { user: 'bob' })
  await call('PATCH', `${path}/${ids[0]}`, { body: { title: 'renaming does not reorder' } })
  const expected = [ids[1], ids[4], ids[3], ids[2], ids[0]]

  const walk = async (limit: number): Promise<string[]> => {
    const seen: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const query: string = cursor ? `&cursor=${cursor}` : ''
      const { body }: { body: Json } = await call('GET', `${path}?limit=${limit}${query}`)
      t.ok(body.data.length <= limit, `by ${limit}: no page is longer`)
      seen.push(...body.data.map(({ id }: { id: string }) => id))
      cursor = body.next_cursor
    }
    return seen
  }
  for (const limit of [1, 2, 4, 5, 100]) t.same(await walk(limit), expected, `by ${limit}`)
})

t.test('conversations of the same moment are told apart by their ids', async (t) => {
  const { call, chat, superuserUrl } = await testApp(t)
  const ids: string[] = []
  for (let i = 0; i < 4; i += 1) ids.push((await chat('same')).conversation_id)
  const sql = postgres(superuserUrl, { max: 1 })
  await sql`update colloquy.conversations set last_turn_at = '2026-01-01T00:00:00.123Z'`
  await sql.end()
  const { body: one } = await call('GET', `${path}?limit=3`)
  const { body: two } = await call('GET', `${path}?limit=3&cursor=${one.next_cursor}`)
  t.same(
    [...one.data, ...two.data].map(({ id }: Json) => id),
    ids.sort().reverse(),
    'no conversation is missed or listed twice',
  )
})

t.test('a page of conversations ends before it has more than 1 MiB', async (t) => {
  const { call } = await testApp(t)
  const value = '😀'.repeat(512)
  const metadata = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`k${n}`, value]))
  for (let n = 0; n < 40; n += 1) await call('POST', path, { body: { metadata } })
  const pages: Json[] = []
  for (let query = '?limit=100'; ; ) {
    const { body, text } = await call('GET', path + query)
    t.ok(Buffer.byteLength(text) <= 1_048_576, `a page of ${body.data.length} conversations is short enough`)
    pages.push(body.data)
    if (body.next_cursor === null) break
    query = `?limit=100&cursor=${body.next_cursor}`
  }
  t.ok(pages.length > 1, 'they are on several pages')
  t.equal(new Set(pages.flat().map(({ id }: Json) => id)).size, 40, 'all of them, none twice')
})

t.test('archived conversations are listed only when asked for', async (t) => {
  const { call, chat } = await testApp(t)
  const [kept, archived] = [await chat('kept'), await chat('archived')]
  await call('PATCH', `${path}/${archived.conversation_id}`, { body: { archived: true } })
  const listed = async (query: string) =>
    (await call('GET', path + query)).body.data.map(({ id }: Json) => id)
  t.same(await listed(''), [kept.conversation_id], 'by default, those that are not archived')
  t.same(await listed('?archived=false'), [kept.conversation_id], 'the same when asked for')
  t.same(await listed('?archived=true'), [archived.conversation_id], 'only the archived ones when asked for')
})

t.test('an update changes what it names and leaves the rest', async (t) => {
  const { call, chat } = await testApp(t)
  const { conversation_id } = await chat('before')
  const update = async (body: object) => (await call('PATCH', `${path}/${conversation_id}`, { body })).body
  const metadata = { __proto__: null, project: 'kitchen', ключ: '"quoted" \\ 😀' }
  t.match(await update({ metadata }), { title: 'before', archived: false, metadata }, 'metadata alone')
  t.match(
    await update({ title: ' After ' }),
    { title: ' After ', metadata },
    'the title alone, as it was sent',
  )
  t.match(
    await update({ archived: true }),
    { title: ' After ', archived: true, metadata },
    'the archived state alone',
  )
  t.match(await update({ archived: false }), { archived: false, metadata }, 'and back again')
  await update({ metadata: { project: null, ключ: null } })
  const own = await update(JSON.parse('{"metadata":{"__proto__":"x","constructor":"y"}}'))
  t.same(
    Object.entries(own.metadata),
    [
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ],
    'keys that JavaScript treats specially are kept as data',
  )
})

t.test('a deleted conversation is gone with its turns and messages', async (t) => {
  const { call, chat } = await testApp(t)
  const [doomed, kept] = [await chat('doomed'), await chat('kept')]
  const remove = () => call('DELETE', `${path}/${doomed.conversation_id}`)
  t.same(
    await remove().then(({ status, text }) => [status, text]),
    [204, ''],
    'the deletion is answered with no content',
  )
  const body = { message: 'hi', conversation_id: doomed.conversation_id }
  const statuses = {
    'deleting it again': (await remove()).status,
    'the conversation': (await call('GET', `${path}/${doomed.conversation_id}`)).status,
    'its messages': (await call('GET', `${path}/${doomed.conversation_id}/messages`)).status,
    'its turn': (await call('GET', `/api/alice/turns/${doomed.turn_id}`)).status,
    'the next message': (await call('POST', '/api/alice/chat', { body })).status,
  }
  for (const [what, status] of Object.entries(statuses)) t.equal(status, 404, `${what} is not found`)
  const { body: rest } = await call('GET', `${path}/${kept.conversation_id}/messages`)
  t.equal(rest.data.length, 2, 'another conversation keeps its messages')
})

t.test('messages are listed by position, in both orders, a page at a time', async (t) => {
  const { call, chat } = await testApp(t)
  const { conversation_id } = await chat('1')
  for (const message of ['2', '3']) await chat(message, { conversation_id })
  const list = `${path}/${conversation_id}/messages`
  const all = (await call('GET', list)).body
  t.equal(all.next_cursor, null, 'one page holds them all')
  t.same(
    all.data.map(({ position, role, content }: Json) => [position, role, content]),
    [1, 2, 3].flatMap((n) => [
      [2 * n - 1, 'user', `${n}`],
      [2 * n, 'assistant', `Echo: ${n}`],
    ]),
    'questions and answers take turns, numbered from 1',
  )
  t.same(
    all.data.map(({ parent_id }: Json) => parent_id),
    [null, ...all.data.slice(0, -1).map(({ id }: Json) => id)],
    'each follows the one before',
  )
  for (const order of ['asc', 'desc']) {
    const seen: Json[] = []
    let query = `?order=${order}&limit=4`
    for (;;) {
      const { body } = await call('GET', list + query)
      seen.push(...body.data)
      if (body.next_cursor === null) break
      query = `?order=${order}&limit=4&cursor=${body.next_cursor}`
    }
    t.same(seen, order === 'asc' ? all.data : [...all.data].reverse(), order)
  }
})

t.test('an altered cursor, or one of another list, is refused', async (t) => {
  const { call, chat } = await testApp(t)
  const [one, two] = [await chat('one'), await chat('two')]
  await chat('three', { conversation_id: one.conversation_id })
  const { next_cursor: cursor } = (await call('GET', `${path}?limit=1`)).body
  const messages = (id: string, query: string) => `${path}/${id}/messages?${query}`
  const { next_cursor: other } = (await call('GET', messages(one.conversation_id, 'limit=1'))).body
  const changed = (at: number) =>
    cursor.slice(0, at) + (cursor[at] === 'A' ? 'B' : 'A') + cursor.slice(at + 1)
  const refused = [
    `${path}?cursor=${cursor}x`,
    `${path}?cursor=${cursor}.x`,
    `${path}?cursor=${cursor.split('.')[0]}`,
    `${path}?cursor=${other}`,
    `${path}?archived=true&cursor=${cursor}`,
    messages(two.conversation_id, `cursor=${other}`),
    messages(one.conversation_id, `order=desc&cursor=${other}`),
    ...Array.from(cursor, (_, at) => `${path}?cursor=${changed(at)}`),
  ]
  for (const url of refused) {
    const { status, body } = await call('GET', url)
    t.match(
      { status, body },
      { status: 422, body: { errors: [{ path: '/query/cursor' }] } },
      `${url} is refused`,
    )
  }
  t.equal((await call('GET', `${path}?cursor=${cursor}`)).status, 200, 'the unaltered cursor is accepted')
})
