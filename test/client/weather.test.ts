import type { UIMessage } from 'ai'
import t from 'tap'
import { testApp, tokenOf } from '../helpers/app.js'
import { gatedModel, until } from '../helpers/models.js'
import { errorOf, openPage, seenOf, seenOfStored, soon, stored, textsOf } from '../helpers/page.js'
import { transportOf } from '../helpers/transport.js'

const user = (text: string): UIMessage => ({
  id: crypto.randomUUID(),
  role: 'user',
  parts: [{ type: 'text', text }],
})
const submit = (text: string, abortSignal?: AbortSignal) => ({
  trigger: 'submit-message' as const,
  chatId: 'chat',
  messageId: undefined,
  messages: [user(text)],
  abortSignal,
})
const as = transportOf
/** Reads to the end; gives the error that it ended with. */
const read = async (stream: ReadableStream<unknown> | null): Promise<unknown> => {
  try {
    for await (const _ of stream ?? []);
    return undefined
  } catch (error) {
    return error
  }
}
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

t.test('a connection that died silently is left, and the stream resumed', async (t) => {
  const gated = gatedModel()
  const app = await testApp(t, {
    model: gated.model,
    streamTimeouts: { heartbeatMs: 100, stalledMs: 30_000 },
  })
  let streams = 0
  const dying: typeof fetch = async (input, init) => {
    const response = await fetch(input, init)
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return response
    streams += 1
    if (streams > 1 || !response.body) return response
    const [first] = [response.body.getReader()]
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        for (let text = ''; !text.includes('so far'); ) {
          const { value } = await first.read()
          text += new TextDecoder().decode(value)
          if (value) controller.enqueue(value)
        }
      },
    })
    return new Response(body, response)
  }
  const page = await openPage(t, app, { fetch: dying, silenceMs: 1_500 })
  const sent = page.current.sendMessage({ text: 'hi' })
  await until(() => streams === 2)
  await sleep(3_000)
  t.equal(streams, 2, 'signs of life keep a connection on which nothing is said')
  gated.open()
  await sent
  t.same(textsOf(page.current.messages), ['hi', 'so far: hi'], 'the answer is complete, without repetition')
})

t.test('a message that is stopped while token() works, or between two tries, is never sent', async (t) => {
  const { url, call } = await testApp(t)
  const giving = new AbortController()
  let give = (_: string) => {}
  const token = () =>
    new Promise<string>((resolve) => {
      give = resolve
    })
  const ended = read(await as(url, { token }).sendMessages(submit('hi', giving.signal)))
  await sleep(20)
  giving.abort()
  t.match(await ended, { name: 'AbortError' }, 'the first stream ends as aborted')
  give(tokenOf('alice'))

  const trying = new AbortController()
  let tries = 0
  const failing: typeof fetch = (input, init) => {
    tries += 1
    return tries === 1 ? Promise.reject(new TypeError('offline')) : fetch(input, init)
  }
  const second = read(await as(url, { fetch: failing }).sendMessages(submit('ho', trying.signal)))
  await until(() => tries === 1)
  trying.abort()
  t.match(await second, { name: 'AbortError' }, 'the second stream ends as aborted')
  await sleep(600)
  t.equal(tries, 1, 'no second try is made')
  t.equal((await call('GET', '/api/alice/conversations')).body.data.length, 0, 'no conversation was begun')
})

t.test('several first messages at once are one conversation, also when the first is refused', async (t) => {
  const app = await testApp(t)
  const page = await openPage(t, app)
  await Promise.all(['', 'two', 'three'].map((text) => page.current.sendMessage({ text })))
  const { count, messages } = await stored(app)
  t.equal(count, 1, 'one conversation')
  t.same(
    messages.map(({ content }: { content: string }) => content).sort(),
    ['Echo: three', 'Echo: two', 'three', 'two'],
    'both messages that were taken are answered',
  )
})

t.test('a page that is left does not end its turn', async (t) => {
  const gated = gatedModel()
  const app = await testApp(t, { model: gated.model })
  const page = await openPage(t, app)
  const sent = page.current.sendMessage({ text: 'hi' })
  await until(() => gated.working() === 1)
  page.unmount()
  gated.open()
  await sent
  t.match(
    (await stored(app)).messages[1],
    { status: 'completed', content: 'so far: hi' },
    'the turn completes without its page',
  )
})

t.test('stopping while the stream is being resumed cancels the turn', async (t) => {
  const gated = gatedModel()
  const app = await testApp(t, { model: gated.model })
  const sent = app.call('POST', '/api/alice/chat', { body: { message: 'hi' } })
  await until(() => gated.working() === 1)
  const { id: conversationId } = await stored(app)
  let isAsked = false
  let go = () => {}
  const gate = new Promise<void>((resolve) => {
    go = resolve
  })
  const slow: typeof fetch = async (input, init) => {
    if (String(input).endsWith('/stream')) {
      isAsked = true
      await gate
    }
    return fetch(input, init)
  }
  const page = await openPage(t, app, { conversationId, fetch: slow })
  await until(() => isAsked)
  const stopping = page.current.stop()
  await sleep(20)
  go()
  await stopping
  t.match(await sent, { body: { status: 'cancelled' } }, 'the turn is cancelled')
})

t.test('what was asked elsewhere after a page was loaded is on it when it has resumed', async (t) => {
  const gated = gatedModel()
  const app = await testApp(t, { model: gated.model })
  gated.open()
  const { conversation_id: conversationId } = await app.chat('one')
  const page = await openPage(t, app, {
    conversationId,
    async onLoaded() {
      await app.chat('two', { conversation_id: conversationId })
      await app.chat('three', { conversation_id: conversationId })
    },
  })
  await soon(() => page.current.messages.length === 6 && page.current.status === 'ready')
  t.same(seenOf(page.current.messages), await seenOfStored(app), 'the page shows what is stored')
  t.equal(await Promise.race([errorOf(page), sleep(50)]), undefined, 'no error is shown')
})
