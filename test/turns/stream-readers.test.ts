import { once } from 'node:events'
import net from 'node:net'
import t, { type Test } from 'tap'
import { connect } from '../../src/db/connect.js'
import type { Database } from '../../src/db/database.js'
import type { ModelEvent } from '../../src/models/model.js'
import { type TestApp, testApp, tokenOf } from '../helpers/app.js'
import { eventFaults } from '../helpers/contract.js'
import { until } from '../helpers/models.js'
import { done, scriptedModel, words } from '../helpers/scripted.js'
import { textOf, turnOf, typesOf } from '../helpers/stream.js'

const message = { message: 'hi' }
const streamPath = (turnId: string): string => `/api/alice/turns/${turnId}/stream`

const head = (turnId: string): string =>
  `GET ${streamPath(turnId)} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${tokenOf('alice')}\r\n\r\n`

/** A client that takes nothing of what comes until it is told to; and the server's side of its connection. */
const lazyClient = async (t: Test, { app, url }: TestApp, turnId: string) => {
  const accepted = once(app.server, 'connection') as Promise<[net.Socket]>
  const client = net.connect(Number(new URL(url).port), '127.0.0.1')
  t.teardown(() => client.destroy())
  client.on('error', () => {})
  const [server] = await accepted
  client.write(head(turnId))
  return { client, server }
}

t.test('a client that vanishes in mid-stream does not stop its turn', async (t) => {
  const { model, say } = scriptedModel()
  const app = await testApp(t, { model })
  const answer = await app.stream('POST', '/api/alice/chat', { body: message })
  const { turn_id, conversation_id } = await turnOf(answer)
  const { client, server } = await lazyClient(t, app, turn_id)
  client.resume()
  await say(words('one '))
  await answer.until(({ event }) => textOf([event]) === 'one ')
  client.resetAndDestroy()
  await answer.leave()
  await until(() => server.destroyed)
  await say([...words('two ', 'three'), done])
  const path = `/api/alice/conversations/${conversation_id}/messages`
  await until(async () => (await app.call('GET', path)).body.data.length === 2)
  const [, answered] = (await app.call('GET', path)).body.data
  t.match(answered, { content: 'one two three', status: 'completed' }, 'the whole answer is stored')
})

/** A database that tells what is read of it: each event row, and each transaction of a user. */
const watched = (t: Test, url: string) => {
  const db = connect({ url, max: 5, prepare: 'auto' })
  t.teardown(() => db.close())
  const read = { rows: [] as { entry: number; seq: number }[], ticks: 0, transactions: 0 }
  const watching: Database = {
    ...db,
    asUser(userId, work) {
      read.transactions += 1
      return db.asUser(userId, work)
    },
    async statement(work) {
      const rows = await db.statement(work)
      read.ticks += 1
      for (const row of rows as readonly (object | undefined)[]) {
        if (row && 'state' in row && row.state === 'events') read.rows.push(row as never)
      }
      return rows
    },
  }
  return { db: watching, read }
}

t.test('many followers of a turn on one instance cost one read', async (t) => {
  const { model, say } = scriptedModel()
  const one = await testApp(t, { model })
  const { db, read } = watched(t, one.databaseUrl)
  const two = await testApp(t, { model, databaseUrl: one.databaseUrl, db })
  const { turn_id } = await turnOf(await one.stream('POST', '/api/alice/chat', { body: message }))
  const first = await two.stream('GET', streamPath(turn_id))
  await turnOf(first)
  const opened = read.transactions
  const followers = [
    first,
    ...(await Promise.all(Array.from({ length: 20 }, () => two.stream('GET', streamPath(turn_id))))),
  ]
  t.equal(read.transactions, opened, 'those that come later read nothing to begin with')
  const spoken = ['one ', 'two ', 'three ']
  for (const word of spoken) {
    await say(words(word))
    await Promise.all(followers.map((follower) => follower.until(({ event }) => textOf([event]) === word)))
  }
  t.same(
    read.rows.map(({ entry, seq }) => [entry, seq]),
    [
      [1, 0],
      [1, 1],
      [1, 2],
    ],
    'a tick asks for one turn, and every batch comes once',
  )
  await say([done])
  for (const [n, follower] of followers.entries()) {
    t.equal(textOf(await follower.all()), spoken.join(''), `follower ${n} has the whole text`)
  }
  t.equal(read.transactions, opened + 1, 'and the end is read once')
})

t.test('a turn that nobody follows any more is not read any more', async (t) => {
  const { model, say } = scriptedModel()
  const one = await testApp(t, { model })
  const { db, read } = watched(t, one.databaseUrl)
  const streamTimeouts = { heartbeatMs: 600_000, stalledMs: 600_000 }
  const two = await testApp(t, { model, databaseUrl: one.databaseUrl, db, streamTimeouts })
  const first = await one.stream('POST', '/api/alice/chat', { body: message })
  const { turn_id } = await turnOf(first)
  const followers = [await lazyClient(t, two, turn_id), await lazyClient(t, two, turn_id)]
  // Each follows before anything is said: what is stored by then comes with the turn, and not with a tick.
  await Promise.all(followers.map(({ client }) => once(client.resume(), 'data')))
  await say(words('one '))
  await until(() => read.rows.length === 1)
  for (const { client } of followers) client.resetAndDestroy()
  // Three of its ticks long.
  let ticks = -1
  await until(async () => {
    const isQuiet = ticks === read.ticks
    ticks = read.ticks
    await new Promise((resolve) => setTimeout(resolve, 400))
    return isQuiet
  })
  await say([...words('two'), done])
  t.equal(textOf(await first.all()), 'one two', 'the first client has the whole text')
  t.same(read.rows.length, 1, 'what was said afterwards is not read')
})

t.test(
  'a slow follower slows nobody, has little waiting for it, and is cut with an id to resume',
  async (t) => {
    const { model, say } = scriptedModel()
    const streamTimeouts = { heartbeatMs: 50, stalledMs: 2_000 }
    const app = await testApp(t, { model, streamTimeouts })
    const first = await app.stream('POST', '/api/alice/chat', { body: message })
    const { turn_id } = await turnOf(first)
    const { client, server } = await lazyClient(t, app, turn_id)
    let isCut = false
    server.once('close', () => {
      isCut = true
    })

    // More than the system's buffers between the two take.
    const size = 100_000
    const calls = Array.from({ length: 150 }, (_, n): ModelEvent[] => [
      { type: 'tool-call', id: `call-${n}`, name: 'dump', arguments: {} },
      { type: 'tool-result', id: `call-${n}`, result: 'x'.repeat(size), duration_ms: 1 },
    ])
    let most = 0
    for (const call of calls) {
      await say(call)
      await first.until(
        ({ event }) =>
          event !== '[DONE]' &&
          event.type === 'tool-output-available' &&
          event.toolCallId === (call[0] as { id: string }).id,
      )
      most = Math.max(most, server.writableLength)
    }
    await say([...words('The end.'), done])
    t.same(typesOf(await first.all()).slice(-2), ['finish', '[DONE]'], 'the first reader gets the end')
    t.equal((await app.call('GET', `/api/alice/turns/${turn_id}`)).body.status, 'completed', 'it completes')
    t.comment(`at most ${most} bytes waited for it`)
    t.ok(most > 0, 'it was slow indeed')
    t.ok(most < 5 * size, 'however much was said')

    await until(() => isCut)
    let text = ''
    client.setEncoding('utf8')
    client.on('data', (chunk) => {
      text += chunk
    })
    await once(client, 'close')
    const frames = text
      .slice(text.indexOf('\r\n\r\n') + 4)
      .replace(/(^|\r\n)[\da-f]+\r\n/g, '')
      .split('\n\n')
      .slice(0, -1)
    t.same(eventFaults(frames.join('\n\n')), [], 'every frame is well-formed')
    t.notMatch(text, 'The end.', 'it did not get all')
    const id = /^id: (1-\d+)$/m.exec(frames.findLast((frame) => frame.startsWith('id:')) ?? '')?.[1] ?? ''
    const back = await app.stream('GET', streamPath(turn_id), { headers: { 'last-event-id': id } })
    t.equal(textOf(await back.all()), 'The end.', 'and it gets it when it comes back')
  },
)

t.test('a silent stream shows signs of life, of which a client’s parser tells nothing', async (t) => {
  const { model, say } = scriptedModel()
  const one = await testApp(t, { model, streamTimeouts: { heartbeatMs: 20, stalledMs: 60_000 } })
  const answer = await one.stream('POST', '/api/alice/chat', { body: message })
  const { turn_id } = await turnOf(answer)
  const { client } = await lazyClient(t, one, turn_id)
  let text = ''
  client.setEncoding('utf8')
  client.on('data', (chunk) => {
    text += chunk
  })
  await until(() => text.split('\n:\n\n').length > 3)
  await say([...words('word'), done])
  t.same(
    typesOf(await answer.all()),
    [
      'start',
      'data-turn',
      'start-step',
      'text-start',
      'text-delta',
      'text-end',
      'finish-step',
      'finish',
      '[DONE]',
    ],
    'the client sees the turn’s events only',
  )
})
