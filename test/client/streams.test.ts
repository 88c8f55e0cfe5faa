import t from 'tap'
import { type ClientOptions, createClient, type StreamEvent } from '../../src/client/index.js'
import { testApp, tokenOf } from '../helpers/app.js'
import { gatedModel, until } from '../helpers/models.js'

const app = await testApp(t)
const as = (options: Partial<ClientOptions> = {}) =>
  createClient({ url: app.url, userId: 'alice', token: () => tokenOf('alice'), ...options })

/** The text of a stream, and the error that it ended with. */
const read = async (stream: AsyncIterable<StreamEvent>) => {
  let text = ''
  const types: string[] = []
  try {
    for await (const event of stream) {
      types.push(event.type)
      if (event.type === 'text-delta') text += event.delta
    }
    return { text, types }
  } catch (error) {
    return { text, types, error }
  }
}

interface Sent {
  path: string
  method: string
  lastEventId: string | null
  key: string | null
}

/** A fetch whose streams are cut after so many bytes, each; what was asked for is written down. */
const cutting = (cuts: number[]) => {
  const sent: Sent[] = []
  const cut: typeof fetch = async (input, init) => {
    const { pathname: path } = new URL(String(input))
    const headers = new Headers(init?.headers)
    if (path !== '/health/live') {
      const lastEventId = headers.get('last-event-id')
      sent.push({ path, method: init?.method ?? '', lastEventId, key: headers.get('idempotency-key') })
    }
    const response = await fetch(input, init)
    let room = cuts.shift()
    if (room === undefined || !response.body) return response
    const body = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          controller.enqueue(chunk.slice(0, room))
          room = (room ?? 0) - chunk.length
          if (room <= 0) controller.error(new TypeError('terminated'))
        },
      }),
    )
    return new Response(body, response)
  }
  return { sent, fetch: cut }
}

t.test('events come as they are written, and the turn’s failure is thrown', async (t) => {
  const { text, types, error } = await read(as().streamNewTurn({ message: 'hi there' }))
  t.equal(error, undefined, 'no error')
  t.equal(text, 'Echo: hi there', 'the whole answer')
  t.same([types[0], types[1], types.at(-1)], ['start', 'data-turn', 'finish'], 'from its start to its end')
  t.match(
    await read(as().streamNewTurn({ message: '' })),
    { text: '', error: { code: 'validation-failed', status: 422, errors: [{ path: '/body/message' }] } },
    'a refusal is its problem',
  )
  const failing = await testApp(t, {
    model: {
      name: 'failing',
      async *run() {
        yield { type: 'text-delta', delta: 'half' }
        throw new Error('no')
      },
    },
  })
  const failed = await read(as({ url: failing.url }).streamNewTurn({ message: 'hi' }))
  t.match(
    failed,
    {
      text: 'half',
      error: { name: 'ColloquyError', code: 'model-failed', status: 502, turn_id: /./, conversation_id: /./ },
    },
    'a turn that fails is thrown, with what it is about',
  )
  t.notMatch(failed.types, ['error'], 'and is no event besides')
})

t.test('a stream that is cut anywhere goes on after the last event that was seen', async (t) => {
  const message = 'héllo wörld 🎈 und so weiter 中文'
  const whole = `Echo: ${message}`
  const { sent, fetch } = cutting([1_000])
  await read(as({ fetch }).streamNewTurn({ message }))
  const [first, second] = sent
  t.match(first, { method: 'POST', path: '/api/alice/chat/stream', key: /./ }, 'the message is sent')
  t.match(
    second,
    { method: 'GET', path: /\/turns\/.*\/stream$/, lastEventId: /^1-\d+$/ },
    'and its turn resumed',
  )
  t.equal(sent.length, 2, 'two connections')
  // Places in the middle of a character, of a line and of a frame, too.
  const places = Array.from({ length: 96 }, (_, n) => 1 + n * 13)
  const faults: string[] = []
  const readCut = async (at: number) => {
    const { text, error } = await read(as({ fetch: cutting([at]).fetch }).streamNewTurn({ message }))
    if (text !== whole || error) faults.push(`${at}: ${text} ${error}`)
  }
  while (places.length > 0) await Promise.all(places.splice(0, 8).map(readCut))
  t.same(faults, [], 'the text is whole, wherever it was cut')
  const before = cutting([30, 30])
  t.match(
    await read(as({ fetch: before.fetch }).streamNewTurn({ message })),
    { text: whole },
    'cut before the turn is named',
  )
  t.equal(new Set(before.sent.map(({ key }) => key)).size, 1, 'the same request with the same key')
})

t.test('a cut stream is given up after a bounded number of tries', async (t) => {
  const always = {
    fetch: (async (input, init) => {
      const response = await fetch(input, init)
      if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return response
      return new Response((await response.text()).split('\n\n').slice(0, 3).join('\n\n'), response)
    }) as typeof fetch,
  }
  const { sent, fetch: counted } = { sent: [] as string[], fetch: always.fetch }
  const counting: typeof fetch = (input, init) => {
    sent.push(String(input))
    return counted(input, init)
  }
  const { error } = await read(as({ fetch: counting, retries: 2 }).streamNewTurn({ message: 'hi' }))
  t.match(error, { name: 'ColloquyError', code: 'connection-lost', status: 0 }, 'the connection is lost')
  t.ok(sent.length <= 4, `${sent.length} connections`)
})

t.test('a turn and a conversation are followed, and a quiet conversation has no events', async (t) => {
  const gated = gatedModel()
  const gatedApp = await testApp(t, { model: gated.model })
  const client = as({ url: gatedApp.url })
  const sending = client.createTurn({ message: 'hi' })
  await until(() => gated.working() === 1)
  const [conversation] = (await client.listConversations()).data
  const conversation_id = conversation?.id ?? ''
  const turn_id = conversation?.running_turn_id ?? ''
  let opened = 0
  const counting =
    (open: typeof fetch): typeof fetch =>
    async (input, init) => {
      const response = await open(input, init)
      opened += 1
      return response
    }
  const reader = (open: typeof fetch) => as({ url: gatedApp.url, fetch: counting(open) })
  const followed = Promise.all([
    read(reader(fetch).streamTurn({ turn_id })),
    read(reader(fetch).streamConversation({ conversation_id })),
    read(reader(cutting([60]).fetch).streamConversation({ conversation_id })),
  ])
  // The one that was cut has come back, too.
  await until(() => opened === 4)
  gated.open()
  for (const { text, error } of await followed) t.same([text, error], ['so far: hi', undefined], 'the answer')
  await sending
  t.same(await read(client.streamConversation({ conversation_id })), { text: '', types: [] }, 'nothing runs')
  const types: string[] = []
  for await (const { type } of client.streamTurn({ turn_id }, { lastEventId: '1-3' })) types.push(type)
  t.equal(types.at(-1), 'finish', 'a stream may begin after an event')
})

t.test('an abort ends a stream with its reason, and leaving it early closes its connection', async (t) => {
  const gated = gatedModel()
  const gatedApp = await testApp(t, { model: gated.model })
  const reason = new Error('enough')
  const controller = new AbortController()
  const client = as({ url: gatedApp.url })
  const reading = read(client.streamNewTurn({ message: 'hi' }, { signal: controller.signal }))
  await until(() => gated.working() === 1)
  controller.abort(reason)
  t.equal((await reading).error, reason, 'the stream ends with the reason')
  t.equal(gated.working(), 1, 'and its turn goes on')
  gated.open()

  let isCancelled = false
  const body = () =>
    new ReadableStream<Uint8Array>({
      start: (controller) =>
        controller.enqueue(new TextEncoder().encode('id: 1-1\ndata: {"type":"start","messageId":"m"}\n\n')),
      cancel() {
        isCancelled = true
      },
    })
  const fetch: typeof globalThis.fetch = async () =>
    new Response(body(), { headers: { 'content-type': 'text/event-stream' } })
  for await (const event of as({ fetch }).streamTurn({ turn_id: 't' })) {
    t.equal(event.type, 'start', 'an event comes')
    break
  }
  t.equal(isCancelled, true, 'who leaves is no longer connected')
})

t.test('a stream of what is no turn is resumed at its own address', async (t) => {
  // As an operation of a later contract has it: events without a turn, and no end.
  const asked: (string | null)[] = []
  const controller = new AbortController()
  const fetch: typeof globalThis.fetch = async (_, init) => {
    asked.push(new Headers(init?.headers).get('last-event-id'))
    const n = asked.length
    return new Response(`id: 7-${n}\ndata: {"type":"data-update","n":${n}}\n\n`, {
      headers: { 'content-type': 'text/event-stream' },
    })
  }
  const seen: unknown[] = []
  for await (const event of as({ fetch }).streamConversation(
    { conversation_id: 'c' },
    { signal: controller.signal },
  )) {
    seen.push(event)
    if (seen.length === 3) break
  }
  t.same(asked, [null, '7-1', '7-2'], 'each connection goes on after the event before')
  t.match(seen, [{ n: 1 }, { n: 2 }, { n: 3 }], 'no event is missing')
})

t.test('updates go on after the last one that was seen, until they are aborted', async (t) => {
  const sender = as()
  // The first connection is cut in its second event.
  const { sent, fetch } = cutting([400])
  const leave = new AbortController()
  const seen: string[] = []
  const types: string[] = []
  const following = (async () => {
    for await (const update of as({ fetch }).streamUpdates({ signal: leave.signal })) {
      types.push(update.type)
      if ('conversation_id' in update) seen.push(update.conversation_id)
    }
  })()
  following.catch(() => {})
  await until(() => types.includes('ready'))
  const made: string[] = []
  for (const title of ['one', 'two', 'three']) made.push((await sender.createConversation({ title })).id)
  await until(() => made.every((id) => seen.includes(id)))
  t.equal(sent.length, 2, 'two connections')
  t.equal(sent[0]?.lastEventId, null, 'the first one begins now')
  t.match(sent[1], { path: '/api/alice/updates', lastEventId: /./ }, 'the second one goes on')
  t.notMatch(types, ['reset'], 'nothing has to be read again')
  leave.abort(new Error('left'))
  await t.rejects(following, { message: 'left' }, 'it ends with the reason of the signal')
  await t.rejects(as({ token: 'x' }).streamUpdates().next(), { code: 'unauthenticated' }, 'a refusal is told')
})
