import { once } from 'node:events'
import { createServer } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import type { UIMessage } from 'ai'
import t, { type Test } from 'tap'
import { testApp, tokenOf } from '../helpers/app.js'
import { listen } from '../helpers/listen.js'
import { gatedModel, until } from '../helpers/models.js'
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

/** A port where nothing listens. */
const deadUrl = async () => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `http://127.0.0.1:${port}`
}

/** A server that takes connections and says nothing, or always the same. */
const oddServer = async (t: Test, answer?: { status: number; type: string; body: string }) => {
  const server = createServer((_request, response) => {
    if (answer) response.writeHead(answer.status, { 'content-type': answer.type }).end(answer.body)
  })
  return listen(t, server)
}

/** All that a page asks for, each timed: nothing is silent for longer than 3 s, slack for a busy machine aside. */
const checkTold = async (t: Test, url: string, expected: object) => {
  const asks: Record<string, () => Promise<unknown>> = {
    send: async () => read(await as(url).sendMessages(submit('hi'))),
    load: () => as(url, { conversationId: crypto.randomUUID() }).loadMessages(),
    resume: () => as(url, { conversationId: crypto.randomUUID() }).reconnectToStream({ chatId: 'chat' }),
  }
  await Promise.all(
    Object.entries(asks).map(async ([name, ask]) => {
      const begun = performance.now()
      const error = await ask().catch((error: unknown) => error)
      t.match(error, { name: 'ColloquyError', ...expected }, name)
      t.ok(performance.now() - begun < 6_000, `${name} is told soon`)
    }),
  )
}

t.test('a server that cannot be reached is told soon, with what to look at', async (t) => {
  const message = /url.*CHAT_CORS_ORIGINS/
  await checkTold(t, await deadUrl(), { code: 'unreachable', status: 0, message })
  await checkTold(t, await oddServer(t), { code: 'unreachable', status: 0, message })
})

t.test('what a proxy or another server says is told as such', async (t) => {
  const bad = { status: 502, type: 'text/html', body: '<h1>Bad gateway</h1>' }
  await checkTold(t, await oddServer(t, bad), { code: 'unexpected-answer', status: 502, message: /proxy/ })
  const page = { status: 200, type: 'text/html', body: '<title>My app</title>' }
  await checkTold(t, await oddServer(t, page), { code: 'unexpected-answer', status: 200, message: /`url`/ })
  const broken = { status: 500, type: 'application/problem+json', body: '{"code":' }
  await checkTold(t, await oddServer(t, broken), { code: 'unexpected-answer', status: 500 })
})

t.test('a browser that may not read the answers is told of CHAT_CORS_ORIGINS', async (t) => {
  const { url } = await testApp(t, { corsOrigins: ['https://other.example'] })
  const { Window } = await import('happy-dom')
  const window = new Window({ url: 'http://localhost/' })
  t.teardown(() => window.happyDOM.close())
  const inBrowser = window.fetch.bind(window) as unknown as typeof fetch
  const error = await as(url, { fetch: inBrowser, conversationId: crypto.randomUUID() })
    .loadMessages()
    .catch((error: unknown) => error)
  t.match(error, { code: 'unreachable', message: /CHAT_CORS_ORIGINS/ }, 'the error names the setting')
})

t.test('a token() that gives no token is an error at once', async (t) => {
  const { url } = await testApp(t)
  const tokens: Record<string, [() => unknown, RegExp, string?]> = {
    throws: [
      () => {
        throw new TypeError("Cannot read properties of null (reading 'token')")
      },
      /reading 'token'/,
    ],
    rejects: [() => Promise.reject(new Error('signed out')), /signed out/],
    undefined: [() => undefined, /signed in/, 'signed-out'],
    null: [async () => null, /signed in/, 'signed-out'],
    empty: [async () => '', /signed in/, 'signed-out'],
    blank: [() => ' ', /no token/],
    'no string': [() => ({ token: 'a' }), /no token/],
    'line breaks': [() => 'a\nb', /header/],
  }
  for (const [name, [token, message, code = 'no-token']] of Object.entries(tokens)) {
    let asked = 0
    const counted = () => {
      asked += 1
      return token() as string
    }
    const error = await read(await as(url, { token: counted }).sendMessages(submit('hi')))
    t.match(error, { name: 'ColloquyError', code, message }, name)
    t.equal(asked, 1, 'it is not asked again')
  }
})

t.test('who signs out is told at once, in a stream that was cut, too', async (t) => {
  const gated = gatedModel()
  const { url, call } = await testApp(t, { model: gated.model })
  let isSignedOut = false
  let cut: (() => void) | undefined
  const cutting: typeof fetch = async (input, init) => {
    const response = await fetch(input, init)
    if (!response.body) return response
    const through = new TransformStream<Uint8Array, Uint8Array>({
      start(controller) {
        cut = () => controller.error(new TypeError('terminated'))
      },
    })
    return new Response(response.body.pipeThrough(through), response)
  }
  const token = () => (isSignedOut ? 'not-a-token' : tokenOf('alice'))
  const error = read(await as(url, { token, fetch: cutting }).sendMessages(submit('hi')))
  await until(() => gated.working() === 1 && cut !== undefined)
  isSignedOut = true
  cut?.()
  t.match(
    await error,
    { name: 'ColloquyError', code: 'unauthenticated', status: 401 },
    'the error is that of the server',
  )
  gated.open()
  await until(
    async () => (await call('GET', '/api/alice/conversations')).body.data[0].running_turn_id === null,
  )
})
