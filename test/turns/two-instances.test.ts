import { Agent, get } from 'node:http'
import type { UIMessageChunk } from 'ai'
import t from 'tap'
import { testDatabase } from '../helpers/database.js'
import { until } from '../helpers/models.js'
import { roundRobin } from '../helpers/round-robin.js'
import { checkingClient, slowProgram, slowServer } from '../helpers/slow-server.js'
import { errorOf, type StreamAnswer, textOf, turnOf, typesOf } from '../helpers/stream.js'
import { transportOf } from '../helpers/transport.js'

const program = await slowProgram(t)
const words = (count: number): string => Array.from({ length: count }, (_, n) => `w${n}`).join(' ')
const streamOf = (turnId: string): string => `/api/alice/turns/${turnId}/stream`

/** Waits until it has that many pieces of text. */
const untilWords = (answer: StreamAnswer, count: number) =>
  answer.until(() => answer.frames.filter(({ event }) => textOf([event]) !== '').length >= count)

t.test('a turn outlives its instance’s death as what was kept of it, wherever it is read', async (t) => {
  const { url } = await testDatabase(t)
  const servers = await Promise.all([slowServer(t, program, url), slowServer(t, program, url)])
  const [one] = servers
  const balancer = await roundRobin(
    t,
    servers.map((server) => server.url),
  )
  const { call, stream } = checkingClient(t, balancer.url)

  // Each stream keeps its connection busy, so the next one takes a new connection, to the other server.
  const message = words(1_500)
  const first = await stream('POST', '/api/alice/chat', { body: { message } })
  const { turn_id, conversation_id } = await turnOf(first)
  const follower = await stream('GET', streamOf(turn_id))
  const transport = transportOf(balancer.url, { conversationId: conversation_id })
  const chunks: UIMessageChunk[] = []
  const resumed = await transport.reconnectToStream({ chatId: 'any' })
  if (!resumed) return t.fail('there was nothing to resume')
  const reading = resumed.pipeTo(
    new WritableStream({
      write: (chunk) => {
        chunks.push(chunk)
      },
    }),
  )
  // It may reject before it is asked for.
  reading.catch(() => {})
  t.same(balancer.led.slice(0, 3), [0, 1, 0], 'begun on one, followed on the other, resumed on the first')
  await untilWords(follower, 5)
  await untilWords(first, 5)
  await until(() => chunks.some(({ type }) => type === 'text-delta'))

  await one?.end('SIGKILL')
  const seen = await first.all()
  t.notMatch(typesOf(seen).join(' '), /finish|abort|error|DONE/, 'the stream is cut without an end')
  const last = first.frames.at(-1)?.id ?? ''
  const [back, fresh] = await Promise.all([
    stream('GET', streamOf(turn_id), { after: last }),
    stream('GET', streamOf(turn_id)),
  ])
  const [ofFollower, ofBack, ofFresh] = await Promise.all([follower.all(), back.all(), fresh.all()])
  await t.rejects(reading, { name: 'ColloquyError', code: 'turn-interrupted' }, 'the transport says so')

  for (const [which, events] of Object.entries({ ofFollower, ofBack, ofFresh })) {
    t.equal(errorOf(events), 'turn-interrupted', `${which}: the stream ends with the interruption`)
  }
  const { body } = await call('GET', `/api/alice/conversations/${conversation_id}/messages`)
  const { status, content, id } = body.data[1]
  t.equal(status, 'interrupted', 'the message is interrupted')
  t.ok(content !== '' && `Echo: ${message}`.startsWith(content), 'the partial text is kept, and labelled')
  t.equal(textOf(ofFollower), content, 'a follower has the stored text')
  t.equal(textOf(ofFresh), content, 'a new reader has the stored text')
  t.match(ofFresh[0], { type: 'start', messageId: id }, 'a new reader has the id of the message')
  const isAnew = typesOf(ofBack)[0] === 'start'
  t.equal(isAnew ? textOf(ofBack) : textOf(seen) + textOf(ofBack), content, 'it has all that was kept')

  const texts = chunks.map((chunk) => (chunk.type === 'text-delta' ? chunk.delta : '')).join('')
  t.ok(texts.startsWith(content), 'the transport came back by itself and lost nothing')
  t.ok(`Echo: ${message}`.startsWith(texts), 'nor had it anything twice')
  t.equal(chunks.filter(({ type }) => type === 'start').length, 1, 'the message starts once')

  t.match(
    (await call('GET', `/api/alice/turns/${turn_id}`)).body,
    {
      status: 'interrupted',
      error: { code: 'turn-interrupted' },
    },
    'the turn is interrupted, too',
  )
  const next = await call('POST', '/api/alice/chat', { conversation_id, message: 'go on' })
  t.equal(next.body.response, 'Echo: go on', 'the other instance goes on with the conversation')
})

t.test('SIGTERM cuts readers of other instances’ turns at once, and ends with its own', async (t) => {
  const { url } = await testDatabase(t)
  const env = { CHAT_SHUTDOWN_MS: '300' }
  const [one, two] = await Promise.all([slowServer(t, program, url, env), slowServer(t, program, url, env)])
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  for (const { url } of [one, two]) {
    await new Promise((resolve) =>
      get(`${url}/health/live`, { agent }, (response) => response.resume().on('end', resolve)),
    )
  }
  const atOne = checkingClient(t, one.url)
  const first = await atOne.stream('POST', '/api/alice/chat', { body: { message: words(1_500) } })
  const { turn_id, conversation_id } = await turnOf(first)
  const follower = await checkingClient(t, two.url).stream('GET', streamOf(turn_id))
  await untilWords(follower, 2)

  t.equal(await two.end('SIGTERM'), 0, 'it does not wait for the turn, nor for connections kept alive')
  t.notMatch(typesOf(await follower.all()).join(' '), /finish|abort|error|DONE/, 'its reader is to come back')
  const { body: turn } = await atOne.call('GET', `/api/alice/turns/${turn_id}`)
  t.equal(turn.status, 'running', 'the turn still runs on the other instance')

  t.equal(await one.end('SIGTERM'), 0, 'the other instance stops cleanly')
  const events = await first.all()
  t.equal(errorOf(events), 'turn-interrupted', 'past the bound the turn is interrupted')
  const three = await slowServer(t, program, url)
  const { call } = checkingClient(t, three.url)
  const { body } = await call('GET', `/api/alice/conversations/${conversation_id}/messages`)
  t.match(body.data[1], { status: 'interrupted', content: textOf(events) }, 'and stored with what it said')
})
