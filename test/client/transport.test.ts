import type { UIMessage } from 'ai'
import t from 'tap'
import { testApp } from '../helpers/app.js'
import { assistant } from '../helpers/assistants.js'
import { transportOf as as } from '../helpers/transport.js'

const user = (id: string, text: string): UIMessage => ({ id, role: 'user', parts: [{ type: 'text', text }] })
const submit = (message: UIMessage, abortSignal?: AbortSignal) => ({
  trigger: 'submit-message' as const,
  chatId: 'chat',
  messageId: undefined,
  messages: [message],
  abortSignal,
})

const readAll = async (stream: ReadableStream): Promise<unknown> => {
  const reader = stream.getReader()
  for (;;) {
    const part = await reader.read().catch((error: unknown) => ({ done: true, value: error }))
    if (part.done) return part.value
  }
}

t.test('a message that is stopped before it could be delivered is never sent', async (t) => {
  const { url, call } = await testApp(t)
  let asked = 0
  const offline: typeof fetch = async () => {
    asked += 1
    throw new TypeError('offline')
  }
  const stop = new AbortController()
  const stream = await as(url, { fetch: offline }).sendMessages(submit(user('m1', 'never mind'), stop.signal))
  const end = readAll(stream)
  stop.abort()
  t.match(await end, { name: 'AbortError' }, 'the stream ends as aborted')
  const before = asked
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  t.equal(asked, before, 'no further try is made')
  t.equal((await call('GET', '/api/alice/conversations')).body.data.length, 0, 'no conversation was begun')
})

t.test(
  'after a first message that was stopped at once the next one continues its conversation',
  async (t) => {
    const { url, call } = await testApp(t)
    const slow: typeof fetch = async (...args) => {
      await new Promise((resolve) => setTimeout(resolve, 300))
      return fetch(...args)
    }
    const transport = as(url, { fetch: slow })
    const stop = new AbortController()
    const first = readAll(await transport.sendMessages(submit(user('m1', 'first'), stop.signal)))
    stop.abort()
    await first
    t.equal(
      await readAll(await transport.sendMessages(submit(user('m2', 'second')))),
      undefined,
      'the second message is answered',
    )
    t.equal(
      (await call('GET', '/api/alice/conversations')).body.data.length,
      1,
      'both are of one conversation',
    )
  },
)

t.test('a signal that has aborted already sends nothing', async (t) => {
  const { url, call } = await testApp(t)
  await t.rejects(
    as(url).sendMessages(submit(user('m1', 'hi'), AbortSignal.abort())),
    { name: 'AbortError' },
    'it is aborted',
  )
  t.equal((await call('GET', '/api/alice/conversations')).body.data.length, 0, 'no conversation was begun')
})

t.test('a message that was loaded is not sent again', async (t) => {
  const { url, chat, call } = await testApp(t)
  const { conversation_id } = await chat('hi')
  const transport = as(url, { conversationId: conversation_id })
  const [message] = await transport.loadMessages()
  await t.rejects(
    transport.sendMessages(submit(message as UIMessage)),
    { message: /stored already/ },
    'the error says that it is stored',
  )
  t.equal(
    (await call('GET', `/api/alice/conversations/${conversation_id}`)).body.message_count,
    2,
    'nothing is added to the conversation',
  )
})

t.test('a stream that is cut again and again at the same place is given up', async (t) => {
  const { url } = await testApp(t)
  let asked = 0
  const cut: typeof fetch = async (...args) => {
    asked += 1
    const response = await fetch(...args)
    const text = await response.text()
    return new Response(text.slice(0, text.indexOf('start-step')), response)
  }
  const error = await readAll(
    await as(url, { fetch: cut, retries: 2 }).sendMessages(submit(user('m1', 'hi'))),
  )
  t.match(error, { message: 'The connection was lost.' }, 'the connection counts as lost')
  t.ok(asked <= 4, 'the number of tries is bounded')
})

t.test('a Retry-After that is too long is told, not waited for', async (t) => {
  const busy: typeof fetch = async () =>
    new Response(null, { status: 503, headers: { 'retry-after': '3600' } })
  const error = await readAll(await as('', { fetch: busy }).sendMessages(submit(user('m1', 'hi'))))
  t.match(error, { name: 'ColloquyError', status: 503, retryAfter: 3600 }, 'the error has the time to wait')
})

t.test('a Retry-After is waited for, in seconds, and the message is sent again', async (t) => {
  const { url } = await testApp(t)
  const at: number[] = []
  const busyOnce: typeof fetch = async (...args) => {
    at.push(performance.now())
    if (at.length > 1) return fetch(...args)
    const problem = { status: 503, code: 'shutting-down', detail: 'The server is shutting down.' }
    return Response.json(problem, {
      status: 503,
      headers: { 'content-type': 'application/problem+json', 'retry-after': '2' },
    })
  }
  const error = await readAll(await as(url, { fetch: busyOnce }).sendMessages(submit(user('m1', 'hi'))))
  t.equal(error, undefined, 'the answer came')
  t.equal(at.length, 2, 'the second request was answered')
  const [first = 0, second = 0] = at
  t.ok(second - first > 1_990, `the second request came ${Math.round(second - first)} ms after the first`)
})

t.test('a message names the assistant that its conversation begins with, and later ones may', async (t) => {
  const { url, call } = await testApp(t, {
    assistants: ['tutor', 'other'].map((name) => assistant({ name, models: ['echo'] })),
  })
  const transport = as(url)
  const body = { assistant: 'tutor' }
  t.equal(
    await readAll(await transport.sendMessages({ ...submit(user('m1', 'hi')), body })),
    undefined,
    'it is answered',
  )
  const path = `/api/alice/conversations/${transport.conversationId}`
  t.equal((await call('GET', path)).body.assistant, 'tutor', 'the conversation has it')
  for (const [id, more] of Object.entries({ m2: { body }, m3: {} }))
    t.equal(
      await readAll(await transport.sendMessages({ ...submit(user(id, 'and')), ...more })),
      undefined,
      `${id}, too`,
    )
  const other = { ...submit(user('m4', 'no')), body: { assistant: 'other' } }
  t.match(await readAll(await transport.sendMessages(other)), { status: 422 }, 'it cannot be changed')
  t.equal((await call('GET', path)).body.message_count, 6, 'and nothing else was stored')
})
