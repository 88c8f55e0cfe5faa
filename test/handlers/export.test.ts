import { createConnection } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import postgres from 'postgres'
import t from 'tap'
import { createClient } from '../../src/client/index.js'
import { connect } from '../../src/db/connect.js'
import { encodeCursor } from '../../src/handlers/page.js'
import { type Json, type TestApp, testApp, tokenOf } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { collectGarbage } from '../helpers/garbage.js'
import { gatedModel, until } from '../helpers/models.js'

const linesOf = (text: string): Json[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))

const exportOf = async ({ call }: Pick<TestApp, 'call'>, query = ''): Promise<Json[]> => {
  const { status, text } = await call('GET', `/api/alice/export${query}`)
  if (status !== 200) throw new Error(`the export is ${status}: ${text}`)
  return linesOf(text)
}

/** The lines of the log, without what a conversation's line says of the moment at which it is read. */
const logOf = (lines: Json[]): Json[] =>
  lines
    .filter(({ type }) => type !== 'usage')
    .map(({ conversation, ...line }) =>
      conversation ? { ...line, conversation: { ...conversation, updated_at: '', last_turn_at: '' } } : line,
    )

/** Writes a user's conversations of long messages, past the API. */
const fill = async (url: string, { conversations = 1, messages = 1, length = 1 }) => {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const id = (n: ReturnType<typeof sql>) =>
    sql`to_char((c * 1000000::bigint + ${n}), 'FM000000000000"7"000"8"0"00000000000000"')::uuid`
  await sql`
    insert into colloquy.conversations (user_id, id, title, last_position, created_at, updated_at, last_turn_at)
    select 'alice', ${id(sql`0`)}, 'long', ${messages}::int, now(), now(), now()
    from generate_series(1::bigint, ${conversations}::bigint) c`
  await sql`
    insert into colloquy.messages (user_id, conversation_id, position, id, role, status, content, created_at)
    select 'alice', ${id(sql`0`)}, p, ${id(sql`p`)}, case p % 2 when 1 then 'user' else 'assistant' end, 'completed',
      repeat('x', ${length}::int), now()
    from generate_series(1::bigint, ${conversations}::bigint) c, generate_series(1, ${messages}::int) p`
  await sql.end()
}

t.test('an export', async (t) => {
  const gated = gatedModel()
  gated.open()
  const app = await testApp(t, { model: gated.model })
  const { call, chat } = app
  const [first, second] = [await chat('of one'), await chat('of another')]
  for (const message of ['2', '3']) await chat(message, { conversation_id: first.conversation_id })
  await call('PATCH', `/api/alice/conversations/${second.conversation_id}`, { body: { archived: true } })
  await call('PUT', `/api/alice/messages/${first.message_id}/feedback`, { body: { rating: 'up' } })
  const { body: empty } = await call('POST', '/api/alice/conversations', { body: { title: 'empty' } })
  await chat('of bob', { user: 'bob' })
  const whole = await exportOf(app)

  await t.test('has each conversation with its messages, and the usage', async (t) => {
    const ids = [first.conversation_id, second.conversation_id, empty.id]
    t.same(
      whole.map(({ type, conversation, message }) => conversation?.id ?? message?.conversation_id ?? type),
      ['export', ...Array(7).fill(ids[0]), ...Array(3).fill(ids[1]), ids[2], 'usage', 'end'],
      'in their order',
    )
    t.match(whole[0], { version: 1, user_id: 'alice', as_of: /^20.*Z$/ }, 'the first line says what it is')
    for (const id of ids) {
      const { body } = await call('GET', `/api/alice/conversations/${id}/messages?include=reasoning`)
      const messages = whole.flatMap(({ message }) => (message?.conversation_id === id ? [message] : []))
      t.same(messages, body.data, 'messages are as listMessages gives them, with their feedback')
    }
    const { body: turn } = await call('GET', `/api/alice/turns/${first.turn_id}`)
    const turns = whole.filter((line) => line.turn)
    t.same(turns[0]?.turn, turn, 'a question has its turn, as getTurn gives it')
    t.same(
      turns.map(({ message }) => message.role),
      Array(4).fill('user'),
      'and no other message has one',
    )
    t.notOk(JSON.stringify(whole).includes('of bob'), 'another user is not in it')
  })

  await t.test('goes on after each of its lines, as of the same moment', async (t) => {
    await chat('later', { conversation_id: first.conversation_id })
    await chat('later')
    for (const [at, { cursor }] of whole.slice(0, -1).entries()) {
      const [header, ...rest] = await exportOf(app, `?cursor=${cursor}`)
      t.equal(header.as_of, whole[0].as_of, `after line ${at}: the same moment`)
      const wanted = logOf(whole.slice(at + 1))
      t.same(logOf(rest), wanted, `after line ${at}: the rest, and nothing that came later`)
    }
    const { cursor } = whole[1]
    const other = (await call('GET', '/api/alice/conversations?limit=1')).body.next_cursor
    for (const wrong of [`${cursor}x`, other, cursor.split('.')[0]])
      t.equal((await call('GET', `/api/alice/export?cursor=${wrong}`)).status, 422, `${wrong} is refused`)
    const far = encodeCursor(
      ['exportUser', 'alice'],
      [whole[0].as_of, 'log', first.conversation_id, 9_999_999_999],
    )
    t.equal((await call('GET', `/api/alice/export?cursor=${far}`)).status, 422, 'a place that no message has')
    const ofBob = await call('GET', `/api/bob/export?cursor=${cursor}`, { user: 'bob' })
    t.equal(ofBob.status, 422, "so is another user's")
  })

  await t.test('shows a running turn with its question alone', async (t) => {
    const closed = gatedModel()
    const busy = await testApp(t, { model: closed.model, databaseUrl: app.databaseUrl, shutdownMs: 0 })
    void busy.call('POST', '/api/alice/chat', { body: { message: 'still running' } })
    await until(() => closed.working() === 1)
    const lines = await exportOf(busy)
    const running = lines.filter(({ message }) => message?.content.includes('still running'))
    t.same(
      running.map(({ message, turn }) => [message.role, turn]),
      [['user', undefined]],
      'without an answer, and without a turn that could not be over',
    )
  })

  await t.test('of one conversation is JSON or Markdown', async (t) => {
    const path = `/api/alice/conversations/${first.conversation_id}/export`
    const json = await call('GET', path)
    t.match(json.headers.get('content-disposition'), /^attachment; filename="colloquy-.*\.json"$/, 'a file')
    t.equal(json.body.messages.length, 8, 'JSON has all messages')
    t.equal(json.body.conversation.id, first.conversation_id, 'and the conversation')
    const none = await call('GET', `/api/alice/conversations/${empty.id}/export`)
    t.same(none.body.messages, [], 'it may have none')
    const { text, headers } = await call('GET', `${path}?format=markdown`)
    t.match(headers.get('content-type'), /^text\/markdown/, 'Markdown says that it is')
    t.match(
      text,
      /^# of one\n\n## User, 20\d\d-\d\d-\d\d \d\d:\d\d UTC\n\nof one\n\n## Assistant, /,
      'and reads so',
    )
    t.equal((await call('GET', `${path}?format=pdf`)).status, 422, 'there is no other format')
  })

  await t.test('is walked by the client, over connections that break', async (t) => {
    let connections = 0
    const cutting: typeof fetch = async (input, init) => {
      const response = await fetch(input, init)
      if (!String(input).includes('/export')) return response
      connections += 1
      if (connections > 3) return response
      const text = await response.text()
      // In the middle of a line, each time further on.
      return new Response(text.slice(0, 700 + text.length / 4), response)
    }
    const client = createClient({ url: app.url, userId: 'alice', token: tokenOf('alice'), fetch: cutting })
    const lines: Json[] = []
    for await (const line of client.exportUser()) lines.push(line)
    t.equal(connections, 4, 'it was cut three times')
    const [, ...expected] = await exportOf(app)
    const withoutCursor = ({ cursor: _, ...line }: Json) => line
    t.same(lines.slice(1).map(withoutCursor), expected.map(withoutCursor), 'each line comes once')
    const { conversation_id } = first
    const document = (await client.exportConversation({ conversation_id })) as Json
    t.equal(document.messages.length, 8, 'a document is JSON')
    const markdown = await client.exportConversation({ conversation_id, format: 'markdown' })
    t.match(markdown, /^# of one/, 'or text')
  })
})

t.test('an export of a big user takes little memory, and waits for its reader', async (t) => {
  const { url, superuserUrl } = await testDatabase(t)
  const db = connect({ url, max: 2, prepare: 'auto' })
  let pages = 0
  const app = await testApp(t, {
    databaseUrl: url,
    db: {
      ...db,
      asUser(user, work) {
        pages += 1
        return db.asUser(user, work)
      },
    },
    streamTimeouts: { heartbeatMs: 15_000, stalledMs: 4_000 },
  })
  // Of more than 20 MB as JSON, which has each text twice.
  await fill(superuserUrl, { conversations: 2, messages: 500, length: 11_000 })
  const request = (socket: ReturnType<typeof createConnection>) =>
    socket.write(
      `GET /api/alice/export HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${tokenOf('alice')}\r\n\r\n`,
    )
  const address = { host: '127.0.0.1', port: Number(new URL(app.url).port) }

  await t.test('which is cut when it reads nothing', async (t) => {
    pages = 0
    const socket = createConnection(address).pause()
    request(socket)
    const isClosed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    socket.on('error', () => {})
    await until(() => pages > 2)
    let seen = 0
    await until(async () => {
      seen = pages
      await delay(300)
      return pages === seen
    })
    t.ok(pages < 20, `${pages} pages were read of the database, and no more`)
    await delay(6_000)
    socket.resume()
    await isClosed
    t.equal(pages, seen, 'nothing was read for it afterwards')
  })

  await t.test('and is never in memory as a whole', async (t) => {
    pages = 0
    const response = await fetch(`${app.url}/api/alice/export`, {
      headers: { authorization: `Bearer ${tokenOf('alice')}` },
    })
    const inUse = async () => {
      await collectGarbage()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }
    const before = await inUse()
    const growth: number[] = []
    let bytes = 0
    for await (const chunk of response.body ?? []) {
      bytes += (chunk as Uint8Array).length
      if (bytes > (growth.length + 1) * 5_000_000) growth.push((await inUse()) - before)
    }
    t.ok(bytes > 20_000_000, `${bytes} bytes`)
    t.ok(pages > 20, `${pages} pages`)
    const megabytes = growth.map((bytes) => Math.round(bytes / 1e6))
    t.ok(Math.max(...megabytes) < 12, `after each 5 MB, ${megabytes} MB more than at the beginning`)
  })
})
