import t, { type Test } from 'tap'
import { type ProviderName, providerNames } from '../../src/models/providers.js'
import { localTools } from '../helpers/local-tools.js'
import { type ProviderApp, providerApp, providerKey } from '../helpers/provider-app.js'
import { chatCompletions, data, wires } from '../helpers/provider-wire.js'
import { events, type Reply, refuse } from '../helpers/upstream.js'

interface Outcome {
  status: number
  code?: string
  finish_reason?: string
  asked: number
  /** what the log says of it */
  log?: RegExp
}
type Row = [what: string, reply: Reply, outcome: Outcome]

const whole: Outcome = { status: 200, finish_reason: 'stop', asked: 1 }
const failed = (code: string, asked = 1): Outcome => ({
  status: code === 'model-overloaded' ? 503 : 502,
  code,
  asked,
})

const send = async (app: ProviderApp, reply: Reply[]) => {
  const before = app.provider.requests.length
  const logged = app.logged().length
  app.provider.answer(...reply)
  const { status, body } = await app.call('POST', '/api/alice/chat', { body: { message: 'Hi' } })
  return { status, body, asked: app.provider.requests.length - before, log: app.logged().slice(logged) }
}

const check = async (t: Test, app: ProviderApp, [, reply, { log = /./, ...outcome }]: Row) => {
  const sent = await send(app, [reply])
  const { code, finish_reason, response } = sent.body
  const { status, asked } = sent
  t.match({ status, code, finish_reason, asked }, outcome, 'status, code, finish reason, how often asked')
  if (status === 200) t.equal(response, 'Hello', 'the answer has its text')
  t.match(sent.log, log, 'the log')
}

/** Sends a body of another kind with status 200. */
const body =
  (type: string | undefined, text: string): Reply =>
  (response) =>
    response.writeHead(200, type === undefined ? {} : { 'content-type': type }).end(text)

/** What says nothing, between any two events of a stream. */
const keepAlives: [string, string][] = [
  ['data without anything', 'data:\n\ndata: \n\n'],
  ['a ping', 'event: ping\ndata: {"now":1}\n\n'],
  ['a ping that is not JSON', 'event: keepalive\ndata: still here\n\n'],
  ['data that is a ping', 'data: ping\n\ndata: : keep-alive\n\n'],
  ['words', 'data: : OPENROUTER PROCESSING\n\ndata: ping - 2026-01-01\n\ndata: still here\n\n'],
  ['a comment', ': OPENROUTER PROCESSING\n\n'],
  ['an object of another kind', data({ type: 'ping' })],
  ['an empty object', data({})],
  ['an object that reports progress', data({ status: 'processing', message: 'in the queue' })],
  ['JSON that is no object', data(null) + data([]) + data('""') + data(5)],
  ['a retry and an id', 'retry: 1000\n\nid: 7\n\n'],
]
const chatKeepAlives: [string, string][] = [
  ['no choices', data({ choices: [] })],
  ['null for choices', data({ id: 'x', choices: null, error: null })],
  ['a choice that says nothing', data({ choices: [{ index: 0, delta: null }] })],
]

/** What a call with no arguments ends with, and what it ends with when it was cut at the longest answer. */
const cuts: Record<ProviderName, [end: string, cut: string]> = {
  openai: [
    '"response.completed","response":{',
    '"response.incomplete","response":{"incomplete_details":{"reason":"max_output_tokens"},',
  ],
  anthropic: ['tool_use"},"usage', 'max_tokens"},"usage'],
  google: ['STOP', 'MAX_TOKENS'],
  'openai-compatible': ['"finish_reason":"tool_calls"', '"finish_reason":"length"'],
}

const page = '\n<!doctype html><html><title>Sign in</title></html>'
const inOnePiece: Record<ProviderName, object> = {
  openai: { id: 'resp_1', object: 'response', status: 'completed', error: null, output: [] },
  anthropic: { id: 'msg_1', type: 'message', content: [{ type: 'text', text: 'Hello' }] },
  google: [{ candidates: [{ content: { parts: [{ text: 'Hello' }] }, finishReason: 'STOP' }] }],
  'openai-compatible': { choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }] },
}

/** An error in each shape that servers send. */
const shapes: [string, (text: string) => unknown][] = [
  ['OpenAI’s', (message) => ({ error: { message, type: 'BadRequestError', code: null } })],
  ['a text', (message) => ({ error: message })],
  ['a list', (message) => [{ error: { code: 400, message, status: 'INVALID_ARGUMENT' } }]],
  ['a detail', (message) => ({ detail: message })],
  ['a list of details', (msg) => ({ detail: [{ loc: ['body'], msg, type: 'value_error' }] })],
  ['an object of the kind error', (message) => ({ object: 'error', message, type: 'BadRequestError' })],
  ['a message', (message) => ({ message })],
  ['Anthropic’s', (message) => ({ type: 'error', error: { type: 'invalid_request_error', message } })],
  ['a list of errors', (message) => ({ success: false, errors: [{ code: 7003, message }] })],
  ['an error without a wrapper', (message) => ({ type: 'invalid_request_error', message, code: null })],
  ['JSON in a text', (message) => ({ error: { message: JSON.stringify({ error: { message } }) } })],
]
const texts: [string, code: string, asked: number][] = [
  ['prompt is too long: 208310 tokens > 200000 maximum', 'model-context-exceeded', 1],
  ['This model’s maximum context length is 4096 tokens.', 'model-context-exceeded', 1],
  [`Incorrect API key provided: ${providerKey}`, 'model-unauthorized', 1],
  ['Rate limit reached, please try again in 20 s', 'model-overloaded', 3],
]

for (const name of providerNames) {
  const wire = wires[name]
  const answer = wire.answer('Hel', 'lo')
  const rows: Row[] = [
    ...[...keepAlives, ...(name === 'openai-compatible' ? chatKeepAlives : [])].map(
      ([what, event]): Row => [
        `sends ${what} between its events`,
        events(...answer.flatMap((piece) => [event, piece]), event),
        whole,
      ],
    ),
    ['ends without a blank line', events(answer.join('').trimEnd()), whole],
    ['sends lines that end in CRLF', events(answer.join('').replaceAll('\n', '\r\n')), whole],
    ['writes each byte alone', events(...[...answer.join('')]), whole],
    ['calls its stream JSON', body('application/json', answer.join('')), whole],
    ['gives its stream no type', body(undefined, answer.join('')), whole],
    [
      'sends keep-alives and no answer',
      events(keepAlives.map(([, e]) => e).join('')),
      failed('model-broken-off', 3),
    ],
    ['sends nothing', events(), failed('model-broken-off', 3)],
    [
      'answers with a page',
      body('text/html; charset=utf-8', page),
      {
        ...failed('model-failed'),
        log: /not a stream: the provider answered 200 in one piece \(text\/html\)/,
      },
    ],
    [
      'answers in one piece',
      refuse(200, inOnePiece[name]),
      { ...failed('model-failed'), log: /not a stream: .*\(application\/json\)/ },
    ],
    [
      'answers with a text',
      body('text/plain', 'upstream request timeout'),
      { ...failed('model-failed'), log: /not a stream: .*\(text\/plain\)/ },
    ],
    ['fails, and says nothing more', events('event: error\ndata: oops\n\n'), failed('model-failed')],
    [
      'sends JSON that is cut',
      events(...answer.slice(0, -2), answer.at(-2)?.slice(0, 30) ?? ''),
      failed('model-broken-off'),
    ],
  ]
  t.test(`streams of ${name}`, async (t) => {
    const app = await providerApp(t, `${name}/m`)
    for (const row of rows) await t.test(row[0], (t) => check(t, app, row))
  })

  t.test(`errors of ${name}`, async (t) => {
    const app = await providerApp(t, `${name}/m`)
    for (const [index, [shape, toBody]] of shapes.entries()) {
      // Every text in every shape once, and one in each for the other providers: the reader is the same.
      const some = name === 'openai-compatible' ? texts : [texts[index % texts.length] as (typeof texts)[0]]
      for (const [text, code, asked] of some) {
        const error = toBody(text)
        await t.test(`${shape}: ${text}`, async (t) => {
          await check(t, app, ['400', refuse(400, error as object), failed(code, asked)])
          await check(t, app, ['200', refuse(200, error as object), failed(code, asked)])
          await check(t, app, ['first', events(data(error)), failed(code, asked)])
          const begun = answer.slice(0, name === 'google' ? 1 : 3 + Number(name === 'anthropic'))
          await check(t, app, ['later', events(...begun, data(error)), failed(code)])
        })
      }
    }
    t.notMatch(`${await app.dump()}${app.logged()}`, /kEpT/, 'the key is in neither the database nor the log')
  })

  t.test(`arguments from ${name}`, async (t) => {
    const tools = localTools({ add: { work: () => 'added' } })
    const app = await providerApp(t, `${name}/m`, {}, { tools })
    const none: unknown[] = ['null', '', {}, null, '{}', [], '[]', '""', ' ']
    const milk: unknown[] = [{ title: 'milk' }, '{"title":"milk"}', '"{\\"title\\":\\"milk\\"}"']
    for (const args of [...none, ...milk]) {
      const sent = await send(app, [events(...wire.callOf('add', args)), events(...answer)])
      t.match(
        sent,
        {
          status: 200,
          body: { response: 'Hello', tool_calls: [{ name: 'add', status: 'completed', result: 'added' }] },
          asked: 2,
        },
        `${JSON.stringify(args)} is taken`,
      )
      const expected = milk.includes(args) ? { title: 'milk' } : {}
      t.same(tools.calls.at(-1)?.args, expected, 'the tool gets an object')
    }
    const made = tools.calls.length
    const [end, cut] = cuts[name]
    const cutCall = wire.callOf('add', '').join('').replace(end, cut)
    const { body } = await send(app, [events(cutCall), events(...answer)])
    t.match(
      body,
      { response: 'Hello', tool_calls: [{ name: 'add', status: 'failed', error: /not a JSON object/ }] },
      'a call that was cut before its arguments has failed',
    )
    t.equal(tools.calls.length, made, 'and was not made')
  })
}

t.test('chunks of other servers', async (t) => {
  const app = await providerApp(t, 'openai-compatible/m')
  const chunk = (fields: object) => data({ choices: [{ index: 0, delta: { content: 'Hello' } }], ...fields })
  const ended = [chatCompletions.finish('stop'), chatCompletions.done]
  const odd: [string, object][] = [
    ['an id and a time of another type', { id: 7, created: '2026', model: null }],
    ['null for an error', { error: null }],
    ['the whole message', { choices: [{ message: { role: 'assistant', content: 'Hello' } }] }],
    [
      'the whole message again',
      { choices: [{ delta: { content: 'Hello' }, message: { content: 'Hello' } }] },
    ],
    ['another role', { choices: [{ delta: { role: 'model', content: 'Hello' } }] }],
    ['counts that are none', { usage: { prompt_tokens: '11', completion_tokens: null } }],
  ]
  for (const [what, fields] of odd) {
    await t.test(what, (t) => check(t, app, [what, events(chunk(fields), ...ended), whole]))
  }
  const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 }
  const sent = await send(app, [events(chunk({}), chatCompletions.finish('stop'), data({ usage }))])
  t.match(
    sent.body.usage,
    { input_tokens: 11, output_tokens: 7, total_tokens: 18 },
    'a count without choices',
  )
})

t.test('a refusal is the content filter’s, and its text is kept', async (t) => {
  const app = await providerApp(t, 'openai-compatible/m')
  const refusal = data({ choices: [{ index: 0, delta: { content: null, refusal: 'I will not.' } }] })
  const sent = await send(app, [events(refusal, chatCompletions.finish('stop'), chatCompletions.done)])
  t.match(sent, { status: 502, body: { code: 'model-content-filtered' }, asked: 1 }, 'a filter, asked once')
})

t.test('a response that breaks off with nothing but a call is asked for again', async (t) => {
  const tools = localTools({ add: { work: () => 'added' } })
  const app = await providerApp(t, 'openai-compatible/m', {}, { tools })
  const [call = ''] = chatCompletions.callOf('add', '{"ti')
  const sent = await send(app, [
    events(call, chatCompletions.finish('abort'), chatCompletions.done),
    events(...chatCompletions.callOf('add', '{}')),
    events(...chatCompletions.answer('Hello')),
  ])
  t.match(sent, { status: 200, body: { response: 'Hello' }, asked: 3 }, 'it is asked again, and answers')
  t.same(sent.body.tool_calls.length, 1, 'the call that was cut is not there')
  t.equal(tools.calls.length, 1, 'and was not made')
})

t.test('a server that speaks another protocol than OpenAI’s is named', async (t) => {
  const app = await providerApp(t, 'openai/m')
  const sent = await send(app, [events(...chatCompletions.answer('Hello'))])
  t.match(
    sent,
    { status: 502, body: { code: 'model-failed' }, asked: 1, log: /speaks chat completions/ },
    'one failure, which the log explains',
  )
})

t.test('Anthropic’s new types of events and pieces are passed over', async (t) => {
  const app = await providerApp(t, 'anthropic/m')
  const piece = data({ type: 'content_block_delta', index: 0, delta: { type: 'mood_delta', mood: 'fine' } })
  const [begin = '', block = '', ...rest] = wires.anthropic.answer('Hel', 'lo')
  await check(t, app, ['', events(begin, data({ type: 'message_mood' }), block, piece, ...rest), whole])
})

t.test('a retry waits as long as an error with status 200 says', async (t) => {
  const app = await providerApp(t, 'openai-compatible/m')
  const limited: Reply = (response) =>
    response
      .writeHead(200, { 'content-type': 'text/event-stream', 'retry-after': '120' })
      .end(data({ error: { code: 429, message: 'slow down' } }))
  const { status, body, asked } = await send(app, [limited])
  t.match(
    { status, code: body.code, asked },
    { status: 503, code: 'model-overloaded', asked: 1 },
    'an overload, asked once',
  )
})
