import t from 'tap'
import type { ProviderName } from '../../src/models/providers.js'
import type { Json } from '../helpers/app.js'
import { type ProviderApp, providerApp } from '../helpers/provider-app.js'
import { anthropicMessages, data, googleContent, openaiResponses, wires } from '../helpers/provider-wire.js'
import { add, tasks } from '../helpers/tool-turns.js'
import { events, type Reply, refuse } from '../helpers/upstream.js'

/** The same situations with every provider: what the upstream did, and what became of the turn and of its conversation. */
interface Outcome {
  /** of the JSON answer */
  status: number
  /** of the problem, and of the stored answer */
  code?: string
  finish?: string
  /** how often the provider was asked */
  asked: number
  /** what is kept of the answer */
  text: string
  /** how the stored answer stands */
  stored: 'completed' | 'failed'
  /** whether the next request tells the model of the turn */
  told: boolean
  /** and of its tool call */
  called?: boolean
}
type Row = [
  what: string,
  only: readonly ProviderName[],
  replies: (name: ProviderName) => Reply[],
  outcome: Outcome,
]

const all: readonly ProviderName[] = ['openai', 'anthropic', 'google', 'openai-compatible']
const models: Record<ProviderName, string> = {
  openai: 'gpt-4o',
  anthropic: 'claude-sonnet-4-5',
  google: 'gemini-2.0-flash',
  'openai-compatible': 'm',
}

const completed = (asked = 1, finish = 'stop', text = 'Hello'): Outcome => {
  return { status: 200, finish, asked, text, stored: 'completed', told: true }
}
const failed = (code: string, asked = 1, text = ''): Outcome => {
  const status = { 'model-overloaded': 503, 'model-timeout': 504 }[code] ?? 502
  return { status, code, asked, text, stored: 'failed', told: false }
}

/** An error in the provider's own shape. */
const errors: Record<ProviderName, (type: string, text: string) => object> = {
  openai: openaiResponses.error,
  anthropic: anthropicMessages.error,
  google: (type, text) => googleContent.error(400, type, text),
  'openai-compatible': (code, text) => ({ error: { message: text, type: 'invalid_request_error', code } }),
}
/** The same in the middle of a stream. */
const errorEvents: Record<ProviderName, (type: string, text: string) => string> = {
  openai: openaiResponses.failed,
  anthropic: anthropicMessages.errorEvent,
  google: (type, text) => data(googleContent.error(503, type, text)),
  'openai-compatible': (code, text) => data({ error: { message: text, code } }),
}
/** The finish reasons of one meaning. */
type Words = Partial<Record<ProviderName, string>>
const cutWords: Words = {
  openai: 'max_output_tokens',
  anthropic: 'max_tokens',
  google: 'MAX_TOKENS',
  'openai-compatible': 'length',
}
const filterWords: Words = {
  openai: 'content_filter',
  anthropic: 'refusal',
  google: 'SAFETY',
  'openai-compatible': 'content_filter',
}
const brokenWords: Words = {
  openai: 'error',
  anthropic: 'error',
  google: 'MALFORMED_RESPONSE',
  'openai-compatible': 'abort',
}
const windowWords: Words = {
  anthropic: 'model_context_window_exceeded',
  'openai-compatible': 'model_length',
}

const whole = (name: ProviderName): Reply => events(...wires[name].answer('Hel', 'lo'))
const ended =
  (words: Words) =>
  (name: ProviderName): Reply[] => [events(...wires[name].ended(words[name] ?? '', 'Hel', 'lo'))]
const namesOf = (words: Words) => Object.keys(words) as ProviderName[]
/** What comes before the end: all but what finishes the answer. */
const beginning = (name: ProviderName, ...words: string[]): string[] => {
  const steps = wires[name].answer(...words)
  return steps.slice(0, steps.findLastIndex((step) => words.some((word) => step.includes(`"${word}"`))) + 1)
}
const silent: Reply = () => {}
const page: Reply = (response) =>
  response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Welcome</html>')
const inOnePiece: Reply = (response) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"1","text":"Hello"}')
const keepAlives = [
  ': ping\n\n',
  'data:\n\n',
  'event: ping\ndata: {"type":"ping"}\n\n',
  data({ note: 'busy' }),
]
const call = add('call_1')

const rows: Row[] = [
  ['answers', all, (name) => [whole(name)], completed()],
  ['is cut at its longest', namesOf(cutWords), ended(cutWords), completed(1, 'length')],
  [
    'ends with a word of its own',
    ['anthropic', 'google', 'openai-compatible'],
    ended({ anthropic: 'zap', google: 'ZAP', 'openai-compatible': 'zap' }),
    completed(1, 'other'),
  ],
  ['is filtered', namesOf(filterWords), ended(filterWords), failed('model-content-filtered', 1, 'Hello')],
  [
    'breaks off, and says so',
    namesOf(brokenWords),
    ended(brokenWords),
    failed('model-broken-off', 1, 'Hello'),
  ],
  [
    'fills the window',
    namesOf(windowWords),
    ended(windowWords),
    failed('model-context-exceeded', 1, 'Hello'),
  ],
  ['pauses', ['anthropic'], ended({ anthropic: 'pause_turn' }), failed('model-broken-off', 1, 'Hello')],
  [
    'is cut off in the middle',
    all,
    (name) => [events(...beginning(name, 'Hel'), 'CUT')],
    failed('model-broken-off', 1, 'Hel'),
  ],
  ['is cut off before a word, once', all, (name) => [events(': hi\n\n', 'CUT'), whole(name)], completed(2)],
  ['says nothing', all, (name) => [events(...wires[name].answer())], failed('model-empty-answer')],
  [
    'sends keep-alives',
    all,
    (name) => [events(...wires[name].answer('Hel', 'lo').flatMap((step) => [...keepAlives, step]))],
    completed(),
  ],
  ['sends a page', all, () => [page], failed('model-failed')],
  ['answers in one piece', all, () => [inOnePiece], failed('model-failed')],
  [
    'refuses the key',
    all,
    (name) => [refuse(401, errors[name]('authentication_error', 'Invalid key'))],
    failed('model-unauthorized'),
  ],
  [
    'has too much to do',
    all,
    (name) => [refuse(529, errors[name]('overloaded_error', 'Overloaded'))],
    failed('model-overloaded', 3),
  ],
  [
    'has too much to do, once',
    all,
    (name) => [refuse(429, errors[name]('rate_limit_error', 'Slow down')), whole(name)],
    completed(2),
  ],
  ['fails', all, (name) => [refuse(500, errors[name]('server_error', 'Oops'))], failed('model-failed', 3)],
  [
    'finds the conversation too long',
    all,
    (name) => [
      refuse(
        400,
        errors[name]('invalid_request_error', 'prompt is too long: 9 tokens > 8 maximum context length'),
      ),
    ],
    failed('model-context-exceeded'),
  ],
  [
    'has too much to do in the middle',
    all,
    (name) => [events(...beginning(name, 'Hel'), errorEvents[name]('overloaded_error', 'Overloaded'))],
    failed('model-overloaded', 1, 'Hel'),
  ],
  ['is not heard of', all, () => [silent], failed('model-timeout')],
  [
    'calls a tool',
    all,
    (name) => [events(...wires[name].calls(call)), whole(name)],
    { ...completed(2), called: true },
  ],
  [
    'calls a tool with an object',
    all,
    (name) => [events(...wires[name].callOf('add', { title: 'milk' })), whole(name)],
    { ...completed(2), called: true },
  ],
  [
    'calls a tool, and breaks off',
    all,
    (name) => [events(...wires[name].calls(call)), events(...beginning(name, 'Hel'), 'CUT')],
    failed('model-broken-off', 2, 'Hel'),
  ],
]

const judge = async (app: ProviderApp, name: ProviderName, replies: Reply[]): Promise<Outcome> => {
  const before = app.provider.requests.length
  app.provider.answer(...replies)
  const { status, body } = await app.call('POST', '/api/alice/chat', { body: { message: 'first question' } })
  const asked = app.provider.requests.length - before
  app.provider.answer(whole(name))
  const next = await app.chat('second question', { conversation_id: body.conversation_id })
  const request = JSON.stringify(app.provider.requests.at(-1)?.body)
  const { data } = (await app.call('GET', `/api/alice/conversations/${body.conversation_id}/messages`)).body
  const answer: Json = data[1]
  if (next.response !== 'Hello' || data.length !== 4) throw new Error('the conversation does not go on')
  return {
    status,
    ...(body.code && { code: body.code }),
    ...(body.finish_reason && { finish: body.finish_reason }),
    asked,
    text: answer.content,
    stored: answer.status,
    told: request.includes('first question'),
    ...(request.includes('milk') && { called: true }),
  }
}

for (const name of all) {
  t.test(name, async (t) => {
    const settings = { firstEventTimeoutMs: 4_000 }
    const app = await providerApp(t, `${name}/${models[name]}`, settings, { tools: tasks() })
    for (const [what, only, replies, outcome] of rows) {
      if (only.includes(name)) t.same(await judge(app, name, replies(name)), outcome, what)
    }
  })
}
