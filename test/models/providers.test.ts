import t, { type Test } from 'tap'
import { openModel } from '../../src/models/open-model.js'
import { localTools } from '../helpers/local-tools.js'
import { until } from '../helpers/models.js'
import {
  credentialsFor,
  modelSettings,
  type ProviderApp,
  providerApp,
  providerKey,
} from '../helpers/provider-app.js'
import {
  anthropicMessages as anthropic,
  chatCompletions,
  googleContent as google,
  openaiResponses as openai,
  type WireCall,
} from '../helpers/provider-wire.js'
import { textOf } from '../helpers/stream.js'
import { events, type Reply, refuse, upstream } from '../helpers/upstream.js'

const chat = '/api/alice/chat'
const quoted = `your key is ${providerKey}`

/** A provider as it speaks: what it is sent, and how it answers, refuses and is overloaded. */
interface Protocol {
  name: Parameters<typeof providerApp>[1]
  path: RegExp
  /** where the key has to be */
  header: [name: string, value: string]
  /** what the second message of a conversation looks like there */
  sent: object
  answer: Reply
  /** asks for a tool, and what it is sent after that: how the tool is offered, the call and its result */
  calls: Reply
  offered: object
  called: object
  /** an answer that ends after its words */
  cut: Reply
  unauthorized: Reply
  overloaded: Reply[]
}

const words = ['Hel', 'lo']
const add: WireCall = ['call_1', 'add', '{"title":"milk"}']
const addSchema = { type: 'object', properties: { title: { type: 'string' } } }
const added = { id: 7 }
const user = (text: string) => ({ role: 'user', content: [{ type: 'text', text }] })

const protocols: Protocol[] = [
  {
    name: 'openai-compatible/org/m:8b',
    path: /^\/chat\/completions$/,
    header: ['authorization', `Bearer ${providerKey}`],
    sent: {
      model: 'org/m:8b',
      stream: true,
      temperature: 0.5,
      max_tokens: 100,
      messages: [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: 'one' },
        { role: 'assistant', content: 'Hello' },
        { role: 'user', content: 'two' },
      ],
    },
    answer: events(...chatCompletions.answer(...words)),
    calls: events(...chatCompletions.calls(add)),
    offered: { tools: [{ type: 'function', function: { name: 'add', parameters: addSchema } }] },
    called: {
      messages: {
        2: { role: 'assistant', tool_calls: [{ id: add[0], function: { name: add[1], arguments: add[2] } }] },
        3: { role: 'tool', tool_call_id: add[0], content: '{"id":7}' },
      },
    },
    cut: events(...chatCompletions.answer(...words).slice(0, -3)),
    unauthorized: refuse(401, {
      error: { message: quoted, type: 'invalid_request_error', code: 'invalid_api_key' },
    }),
    overloaded: [refuse(503, { error: { message: quoted, type: 'server_error' } })],
  },
  {
    name: 'openai/gpt-4o',
    path: /^\/responses$/,
    header: ['authorization', `Bearer ${providerKey}`],
    sent: {
      model: 'gpt-4o',
      stream: true,
      temperature: 0.5,
      max_output_tokens: 100,
      input: [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: [{ type: 'input_text', text: 'one' }] },
        { role: 'assistant', content: [{ type: 'output_text', text: 'Hello' }] },
        { role: 'user', content: [{ type: 'input_text', text: 'two' }] },
      ],
    },
    answer: events(...openai.answer(...words)),
    calls: events(...openai.calls(add)),
    offered: { tools: [{ type: 'function', name: 'add', parameters: addSchema }] },
    called: {
      input: {
        2: { type: 'function_call', call_id: add[0], name: add[1], arguments: add[2] },
        3: { type: 'function_call_output', call_id: add[0], output: '{"id":7}' },
      },
    },
    cut: events(...openai.answer(...words).slice(0, -2)),
    unauthorized: refuse(401, openai.error('invalid_api_key', quoted)),
    overloaded: [
      refuse(429, openai.error('rate_limit_exceeded', quoted)),
      events(openai.failed('rate_limit_exceeded', quoted)),
    ],
  },
  {
    name: 'anthropic/claude-3-5-haiku-latest',
    path: /^\/messages$/,
    header: ['x-api-key', providerKey],
    sent: {
      model: 'claude-3-5-haiku-latest',
      stream: true,
      temperature: 0.5,
      max_tokens: 100,
      system: [{ type: 'text', text: 'Be kind.' }],
      messages: [user('one'), { role: 'assistant', content: [{ type: 'text', text: 'Hello' }] }, user('two')],
    },
    answer: events(...anthropic.answer(...words)),
    calls: events(...anthropic.calls(add)),
    offered: { tools: [{ name: 'add', input_schema: addSchema }] },
    called: {
      messages: {
        1: {
          role: 'assistant',
          content: [{ type: 'tool_use', id: add[0], name: add[1], input: { title: 'milk' } }],
        },
        2: { role: 'user', content: [{ type: 'tool_result', tool_use_id: add[0], content: '{"id":7}' }] },
      },
    },
    cut: events(...anthropic.answer(...words).slice(0, -3)),
    unauthorized: refuse(401, anthropic.error('authentication_error', quoted)),
    overloaded: [
      refuse(529, anthropic.error('overloaded_error', quoted)),
      events(anthropic.errorEvent('overloaded_error', quoted)),
    ],
  },
  {
    name: 'google/gemini-2.0-flash',
    path: /^\/models\/gemini-2\.0-flash:streamGenerateContent\?alt=sse$/,
    header: ['x-goog-api-key', providerKey],
    sent: {
      generationConfig: { temperature: 0.5, maxOutputTokens: 100 },
      systemInstruction: { parts: [{ text: 'Be kind.' }] },
      contents: [
        { role: 'user', parts: [{ text: 'one' }] },
        { role: 'model', parts: [{ text: 'Hello' }] },
        { role: 'user', parts: [{ text: 'two' }] },
      ],
    },
    answer: events(...google.answer(...words)),
    calls: events(...google.calls(add)),
    offered: { tools: [{ functionDeclarations: [{ name: 'add', parameters: addSchema }] }] },
    called: {
      contents: {
        1: { role: 'model', parts: [{ functionCall: { name: add[1], args: { title: 'milk' } } }] },
        2: { role: 'user', parts: [{ functionResponse: { name: add[1], response: { content: added } } }] },
      },
    },
    cut: events(...google.answer(...words).slice(0, -1)),
    unauthorized: refuse(403, google.error(403, 'PERMISSION_DENIED', quoted)),
    overloaded: [refuse(429, google.error(429, 'RESOURCE_EXHAUSTED', quoted))],
  },
]

const checkProtocol = async (t: Test, app: ProviderApp, protocol: Protocol) => {
  const { provider, call } = app
  const { name, path, header, sent, answer, calls, offered, called, cut, unauthorized, overloaded } = protocol
  provider.answer(answer)
  const usage = {
    input_tokens: 11,
    output_tokens: 7,
    cached_input_tokens: 5,
    // Anthropic counts them where its model thinks.
    reasoning_tokens: name.startsWith('anthropic/') ? null : 0,
    total_tokens: 18,
  }
  const first = await app.chat('one')
  t.match(
    first,
    { response: 'Hello', model: name, usage, status: 'completed' },
    'the answer has the text, the model and the tokens',
  )
  t.match(
    (await call('GET', `/api/alice/turns/${first.turn_id}`)).body,
    { model: name, usage },
    'and so has its turn',
  )
  await app.chat('two', { conversation_id: first.conversation_id })
  const asked = provider.requests.at(-1)
  t.match(asked, { path, body: sent }, 'the provider gets the conversation and the settings')
  t.equal(asked?.headers[header[0]], header[1], 'and the key')

  provider.answer(calls, answer)
  const third = await app.chat('add')
  t.match(
    third,
    { response: 'Hello', tool_calls: [{ name: 'add', arguments: { title: 'milk' }, result: added }] },
    'the tool is called, and the answer goes on',
  )
  const [offer, result] = provider.requests.slice(-2)
  t.match(offer?.body, offered, 'the tools are offered to the provider')
  t.match(result?.body, called, 'it gets the result of the call')
  provider.answer(answer)
  t.equal(
    (await app.chat('and', { conversation_id: third.conversation_id })).response,
    'Hello',
    'the next turn is answered',
  )
  t.match(JSON.stringify(provider.requests.at(-1)?.body), /milk.*and/, 'the next turn is told of it')

  const refusals: [Reply, status: number, code: string, asked: number][] = [
    [cut, 502, 'model-broken-off', 1],
    [unauthorized, 502, 'model-unauthorized', 1],
    ...overloaded.map((reply): [Reply, number, string, number] => [reply, 503, 'model-overloaded', 3]),
  ]
  for (const [reply, status, code, times] of refusals) {
    const before = provider.requests.length
    provider.answer(reply)
    t.match(
      await call('POST', chat, { body: { message: 'no' } }),
      { status, body: { code } },
      `${code}: the request is answered with the status of its cause`,
    )
    t.equal(provider.requests.length - before, times, `${code}: how often it was asked`)
  }
  t.notMatch(`${await app.dump()}${app.logged()}`, /kEpT/, 'neither the database nor the log has the key')
}

for (const protocol of protocols) {
  t.test(protocol.name, async (t) => {
    const settings = { temperature: 0.5, maxOutputTokens: 100 }
    const tools = localTools({ add: { inputSchema: addSchema, work: () => added } })
    const app = await providerApp(t, protocol.name, settings, { systemPrompt: 'Be kind.', tools })
    await checkProtocol(t, app, protocol)
  })
}

t.test('what the operator does not set, the provider is not told', async (t) => {
  const app = await providerApp(t, 'openai-compatible/m')
  app.provider.answer(events(...chatCompletions.answer(...words)))
  await app.chat('one')
  const body = app.provider.requests[0]?.body
  t.same(body.messages, [{ role: 'user', content: 'one' }], 'only the message is sent')
  t.notOk(
    'temperature' in body || 'max_tokens' in body || 'tools' in body,
    'no settings and no tools are sent',
  )
})

t.test('a turn that is cancelled lets go of the provider, and keeps what it said', async (t) => {
  const { provider, call, stream } = await providerApp(t, 'openai-compatible/m')
  const { begin, text } = chatCompletions
  provider.answer(events(begin, text('so far'), 'HANG'))
  const answer = await stream('POST', chat, { body: { message: 'go on' } })
  await answer.until(({ event }) => event !== '[DONE]' && event.type === 'text-delta')
  const list = await call('GET', '/api/alice/conversations')
  const turn_id = list.body.data[0].running_turn_id
  const cancelled = await call('POST', `/api/alice/turns/${turn_id}/cancel`)
  t.match(cancelled, { status: 200, body: { status: 'cancelled', error: null } }, 'the turn is cancelled')
  await until(() => provider.abandoned() === 1)
  t.same((await answer.all()).slice(-2), [{ type: 'abort' }, '[DONE]'], 'its stream ends as aborted')
  const replay = await stream('GET', `/api/alice/turns/${turn_id}/stream`)
  t.equal(textOf(await replay.all()), 'so far', 'its text is kept')
})

t.test('a pause between two tries ends when the turn is cancelled', async (t) => {
  const retries = { retries: 2, firstDelayMs: 600_000, maxDelayMs: 600_000 }
  const { provider, call } = await providerApp(t, 'openai-compatible/m', { retries })
  provider.answer(refuse(500, {}))
  const sent = call('POST', chat, { body: { message: 'go on' } })
  await until(() => provider.requests.length === 1)
  const list = await call('GET', '/api/alice/conversations')
  const { running_turn_id } = list.body.data[0]
  await call('POST', `/api/alice/turns/${running_turn_id}/cancel`)
  t.match(await sent, { status: 200, body: { status: 'cancelled', response: '' } }, 'the turn is cancelled')
  t.equal(provider.requests.length, 1, 'the provider is not asked again')
})

t.test('a count of tokens that cannot be one is not known', async (t) => {
  const { provider, chat } = await providerApp(t, 'openai-compatible/m')
  const usage = (prompt_tokens: number, completion_tokens: number, total_tokens: number): string =>
    `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens, completion_tokens, total_tokens } })}\n\n`
  const { begin, text, finish, done } = chatCompletions
  provider.answer(events(begin, text('Hello'), finish(), usage(1e12, -1, 1.5), done))
  t.match(
    await chat('one'),
    { status: 'completed', usage: { input_tokens: null, output_tokens: null } },
    'numbers that cannot be right are unknown',
  )
  provider.answer(events(begin, text('Hello'), finish(), done))
  t.same(
    (await chat('two')).usage,
    {
      input_tokens: null,
      output_tokens: null,
      cached_input_tokens: null,
      reasoning_tokens: null,
      total_tokens: null,
      cost: null,
    },
    'and so are those that are not given',
  )
})

t.test('an answer of white space alone, which a provider may refuse, is not told again', async (t) => {
  const provider = await upstream(t)
  provider.answer(events(...anthropic.answer('Hello')))
  const credentials = credentialsFor('anthropic', provider.url)
  const model = await openModel('anthropic/claude-x', { ...modelSettings, credentials })
  const history = [
    { user: 'one', assistant: 'Hello' },
    { user: 'two', assistant: ' \n' },
  ]
  const { signal } = new AbortController()
  for await (const _ of model.run({ system: undefined, history, message: 'three', signal }));
  const told = [user('one'), { role: 'assistant', content: [{ type: 'text', text: 'Hello' }] }, user('three')]
  const messages = JSON.parse(
    JSON.stringify(provider.requests[0]?.body.messages, (name, value) =>
      name === 'cache_control' ? undefined : value,
    ),
  )
  t.same(messages, told, 'only the question of the blank answer is told')
})
