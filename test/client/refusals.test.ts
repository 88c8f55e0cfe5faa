import type { ChatTransport, UIMessage } from 'ai'
import t from 'tap'
import { echo } from '../../src/models/echo.js'
import { testApp } from '../helpers/app.js'
import { errorOf, openPage, stored, textsOf } from '../helpers/page.js'
import { transportOf } from '../helpers/transport.js'

type SendOptions = Parameters<ChatTransport<UIMessage>['sendMessages']>[0]

const app = await testApp(t, { otherModels: [{ ...echo(), name: 'other' }] })
const user = (text: string, more: Partial<UIMessage> = {}): UIMessage => ({
  id: crypto.randomUUID(),
  role: 'user',
  parts: [{ type: 'text', text }],
  ...more,
})
const submit = (message: UIMessage, more: Partial<SendOptions> = {}): SendOptions => ({
  trigger: 'submit-message',
  chatId: 'chat',
  messageId: undefined,
  abortSignal: undefined,
  messages: [message],
  ...more,
})

/** A transport that writes down what it sends. */
const watched = (options: object = {}) => {
  const sent: { path: string; headers: Headers }[] = []
  const transport = transportOf(app.url, {
    fetch(input, init) {
      const path = new URL(String(input)).pathname
      // On a slow machine the server is asked for a sign of life.
      if (path !== '/health/live') sent.push({ path, headers: new Headers(init?.headers) })
      return fetch(input, init)
    },
    ...options,
  })
  return { sent, transport }
}
const drain = async (stream: ReadableStream | null) => {
  for await (const _ of stream ?? []);
}

const file = { type: 'file', mediaType: 'image/png', url: 'data:image/png;base64,AA==' } as const
const refused: Record<string, [SendOptions, RegExp]> = {
  'a file beside the text': [submit(user('', { parts: [{ type: 'text', text: 'see' }, file] })), /Files/],
  'a file alone': [submit(user('', { parts: [file] })), /Files/],
  'a part of data': [submit(user('', { parts: [{ type: 'data-note', data: 1 }] })), /data-note/],
  'an unknown field of body': [
    submit(user('hi'), { body: { model: 'echo', temperature: 1 } }),
    /`temperature` in `body` is not supported; only `model` and `assistant` are/,
  ],
  'a field of body that the transport sets': [submit(user('hi'), { body: { message: 'x' } }), /`message`/],
  'metadata of the request': [submit(user('hi'), { metadata: { a: 1 } }), /metadata/],
  'metadata of the message': [submit(user('hi', { metadata: { a: 1 } })), /metadata/],
  'a header that the transport sets': [
    submit(user('hi'), { headers: { Authorization: 'x' } }),
    /authorization/,
  ],
  'a key of one’s own': [
    submit(user('hi'), { headers: new Headers({ 'idempotency-key': 'x' }) }),
    /idempotency-key/,
  ],
  'a system message before it': [
    submit(user('hi'), { messages: [user('be kind', { role: 'system' }), user('hi')] }),
    /CHAT_SYSTEM_PROMPT/,
  ],
  'a message of the assistant': [submit(user('hi', { role: 'assistant' })), /regenerate\(\)/],
}

for (const [what, [options, message]] of Object.entries(refused)) {
  t.test(`refused with a word: ${what}`, async (t) => {
    const { transport, sent } = watched()
    const error = { name: 'ColloquyError', code: 'not-supported', message }
    await t.rejects(transport.sendMessages(options), error, 'the error says what is not supported')
    t.equal(sent.length, 0, 'nothing is sent')
  })
}

t.test('a page is told of a file that would be lost', async (t) => {
  const page = await openPage(t, app)
  await page.current.sendMessage({ text: 'see', files: [file] })
  t.match(await errorOf(page), { name: 'ColloquyError', code: 'not-supported' }, 'the page has the error')
})

t.test('body.model is the model of the turn, and headers go with each of its requests', async (t) => {
  const { transport, sent } = watched()
  const headers = { 'x-trace': 'one' }
  await drain(
    await transport.sendMessages(submit(user('hi'), { body: { model: 'other', x: undefined }, headers })),
  )
  const { messages } = await stored(app)
  const turn = await app.call('GET', `/api/alice/turns/${messages[0].turn_id}`)
  t.equal(turn.body.model, 'other', 'the turn ran on that model')
  t.equal(sent[0]?.headers.get('x-trace'), 'one', 'the header goes with the message')
  await drain(await transport.reconnectToStream({ chatId: 'chat', headers: { 'x-trace': 'two' } }))
  t.equal(sent[1]?.headers.get('x-trace'), 'two', 'and with the stream that is resumed')
})

t.test('a model that the server does not allow is its refusal', async (t) => {
  const { transport } = watched()
  await t.rejects(
    drain(await transport.sendMessages(submit(user('hi'), { body: { model: 'none' } }))),
    { code: 'validation-failed', status: 422 },
    'the error is that of the server',
  )
})

t.test('resuming takes headers, and refuses the rest', async (t) => {
  const { conversation_id: conversationId } = await app.chat('hi')
  const { transport, sent } = watched({ conversationId })
  const chatId = 'chat'
  for (const options of [{ body: { model: 'echo' } }, { metadata: 1 }, { headers: { accept: 'x' } }]) {
    await t.rejects(
      transport.reconnectToStream({ chatId, ...options }),
      { code: 'not-supported' },
      `${Object.keys(options)} is refused`,
    )
  }
  t.equal(sent.length, 0, 'nothing is sent')
})

t.test('sendMessage() without a message is refused after an answer', async (t) => {
  const page = await openPage(t, app)
  await page.current.sendMessage({ text: 'hi' })
  await page.current.sendMessage()
  t.match(await errorOf(page), { name: 'ColloquyError', code: 'not-supported' }, 'the page has the error')
  t.same(textsOf(page.current.messages), ['hi', 'Echo: hi'], 'both messages stay')
})
