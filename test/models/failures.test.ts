import t, { type Test } from 'tap'
import type { Answer, TestApp } from '../helpers/app.js'
import { localTools } from '../helpers/local-tools.js'
import { type ProviderApp, providerApp, providerKey } from '../helpers/provider-app.js'
import { chatCompletions as wire } from '../helpers/provider-wire.js'
import { events, type Reply, refuse } from '../helpers/upstream.js'

/** What the turn came to. */
interface Outcome {
  /** of the JSON answer */
  status: number
  /** of the problem and of the stored turn; none when it completed */
  code?: string
  /** how often the provider was asked */
  asked: number
  /** what is kept of the answer */
  text: string
  /** whether a later turn is told of the call */
  called?: boolean
  retryAfter?: string
  /** the reasoning that a later turn gives back */
  thought?: string
}

/** What the upstream does, and what becomes of the turn. */
type Row = [what: string, replies: Reply[] | 'no server', outcome: Outcome]

/** Providers quote what they were sent. */
const error = (type: string, code: string | number | null = null, words = '') => ({
  error: { message: `${words} (your key is ${providerKey})`, type, code, param: providerKey },
})
const silent: Reply = () => {}
const hangUp: Reply = (response) => response.destroy()
const said = [wire.begin, wire.text('so '), wire.text('far')]
const whole = events(...wire.answer('Hel', 'lo'))
const calling = wire.calls(['c', 'add', '{}'])
const called = events(...calling)
const page: Reply = (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')
const later = () => new Promise((resolve) => setTimeout(resolve, 1_500))

const completed = (asked: number, text = 'Hello'): Outcome => ({ status: 200, asked, text })
const failed = (code: string, asked: number, text = ''): Outcome => ({ status: 502, code, asked, text })
const overloaded = (asked: number, retryAfter: string): Outcome => {
  return { status: 503, code: 'model-overloaded', asked, text: '', retryAfter }
}
const timedOut = (text = ''): Outcome => ({ status: 504, code: 'model-timeout', asked: 1, text })

const tooLong = 'This model’s maximum context length is 8192 tokens.'

const rows: Row[] = [
  ['answers', [whole], completed(1)],
  [
    'stops at its longest answer',
    [events(...said, wire.finish('length'), wire.done)],
    completed(1, 'so far'),
  ],

  ['is not there', 'no server', failed('model-unreachable', 0)],
  ['hangs up', [hangUp], failed('model-unreachable', 3)],
  ['hangs up twice', [hangUp, hangUp, whole], completed(3)],
  ['401', [refuse(401, error('invalid_request_error', 'invalid_api_key'))], failed('model-unauthorized', 1)],
  ['403', [refuse(403, error('permission_error'))], failed('model-unauthorized', 1)],
  ['404', [refuse(404, error('not_found_error', 'model_not_found'))], failed('model-failed', 1)],
  ['429', [refuse(429, error('tokens', 'rate_limit_exceeded'))], overloaded(3, '5')],
  ['429, come back soon', [refuse(429, error('tokens'), { 'retry-after': '1' }), whole], completed(2)],
  ['429, come back late', [refuse(429, error('tokens'), { 'retry-after': '120' })], overloaded(1, '120')],
  [
    '429, come back in a day',
    [refuse(429, error('tokens'), { 'retry-after': '86400' })],
    overloaded(1, '3600'),
  ],
  ['503', [refuse(503, error('overloaded'))], overloaded(3, '5')],
  ['500', [refuse(500, error('server_error'))], failed('model-failed', 3)],
  ['500 once', [refuse(500, error('server_error')), whole], completed(2)],
  ['500 without JSON', [(response) => response.writeHead(500).end(providerKey)], failed('model-failed', 3)],

  ['breaks off in the middle', [events(...said, 'CUT')], failed('model-broken-off', 1, 'so far')],
  ['ends in the middle', [events(...said)], failed('model-broken-off', 1, 'so far')],
  ['breaks off before the first word, once', [events(wire.begin, 'CUT'), whole], completed(2)],
  ['breaks off before the first word', [events(wire.begin, 'CUT')], failed('model-broken-off', 3)],
  [
    'speaks another language in the middle',
    [events(...said, 'data: {"id": \n\n', wire.done)],
    failed('model-broken-off', 1, 'so far'),
  ],
  [
    'sends another shape in the middle',
    [events(...said, 'data: {"choices": 1}\n\n', wire.done)],
    failed('model-broken-off', 1, 'so far'),
  ],
  ['speaks another language', [events('data: <html>\n\n')], failed('model-broken-off', 3)],
  ['answers with a page', [page], failed('model-failed', 1)],
  [
    'fails in the middle',
    [events(...said, wire.error(error('server_error', 500).error))],
    failed('model-failed', 1, 'so far'),
  ],
  [
    'is overloaded in the middle',
    [events(...said, wire.error(error('overloaded_error').error))],
    { ...overloaded(1, '5'), text: 'so far' },
  ],
  [
    'fails before the first word, once',
    [events(wire.error(error('server_error', 500).error)), whole],
    completed(2),
  ],

  [
    'says nothing and finishes',
    [events(wire.begin, wire.finish(), wire.done)],
    failed('model-empty-answer', 1),
  ],
  ['says only white space', [events(...wire.answer(' \n'))], failed('model-empty-answer', 1, ' \n')],

  ['calls a tool and answers', [called, whole], { ...completed(2), called: true }],
  [
    'calls a tool, 500 once',
    [called, refuse(500, error('server_error')), whole],
    { ...completed(3), called: true },
  ],
  ['calls a tool, 500', [called, refuse(500, error('server_error'))], failed('model-failed', 4)],
  [
    'calls a tool, breaks off in the middle',
    [called, events(...said, 'CUT')],
    failed('model-broken-off', 2, 'so far'),
  ],
  [
    'calls a tool and says nothing more',
    [called, events(wire.begin, wire.finish(), wire.done)],
    failed('model-empty-answer', 2),
  ],
  ['calls tools for ever', [called], failed('model-tool-limit', 8)],
  [
    'breaks off in a call, once',
    [events(...calling.slice(0, 3), 'CUT'), called, whole],
    { ...completed(3), called: true },
  ],
  [
    'filters the question',
    [refuse(400, error('invalid_request_error', 'content_filter'))],
    failed('model-content-filtered', 1),
  ],
  [
    'filters its answer',
    [events(...said, wire.finish('content_filter'), wire.done)],
    failed('model-content-filtered', 1, 'so far'),
  ],
  [
    'finds it too long',
    [refuse(400, error('invalid_request_error', 'context_length_exceeded'))],
    failed('model-context-exceeded', 1),
  ],
  [
    'finds it too long, in words',
    [refuse(400, error('BadRequestError', 400, tooLong))],
    failed('model-context-exceeded', 1),
  ],
]

/** Those that end by a time limit. */
const silences: Row[] = [
  [
    'thinks longer than its first word may take',
    [events(wire.begin, wire.reasoning('Hm'), later, ...wire.answer('Hello'))],
    { ...completed(1), thought: 'Hm' },
  ],
  ['says nothing at all', [silent], timedOut()],
  ['begins, and says nothing', [events(wire.begin, 'HANG')], timedOut()],
  ['stalls in the middle', [events(...said, 'HANG')], timedOut('so far')],
]

const modes = {
  async JSON(
    { call }: TestApp,
    body: object,
    { status, code, retryAfter }: Outcome,
    t: Test,
  ): Promise<Answer['body']> {
    const answer = await call('POST', '/api/alice/chat', { body })
    t.same(
      [answer.status, answer.body.code, answer.headers.get('retry-after')],
      [status, code, retryAfter ?? null],
      'the status, the code and when to try again',
    )
    return answer.body
  },
  async stream({ stream }: TestApp, body: object, { code }: Outcome, t: Test): Promise<Answer['body']> {
    const answer = await stream('POST', '/api/alice/chat', { body })
    const said = await answer.all()
    const turns = said.flatMap((event) =>
      event !== '[DONE]' && event.type === 'data-turn' ? [event.data] : [],
    )
    t.equal(turns.at(-1)?.error?.code, code, 'the code')
    t.match(said.slice(-2), [{ type: code ? 'error' : 'finish' }, '[DONE]'], 'the end')
    return turns[0]
  },
}

const toldOfCall = [
  {
    role: 'assistant',
    content: null,
    tool_calls: [{ id: 'c', type: 'function', function: { name: 'add', arguments: '{}' } }],
  },
  { role: 'tool', tool_call_id: 'c', content: 'added' },
]

/** One failure, in a conversation of its own that goes on after it. */
const check = async (t: Test, app: ProviderApp, mode: keyof typeof modes, [what, replies, outcome]: Row) => {
  const { provider, call } = app
  const { code = null, asked, text } = outcome
  const before = provider.requests.length
  const message = `${what}, ${mode}`
  if (replies === 'no server') await provider.stop()
  else provider.answer(...replies)
  const { conversation_id, turn_id } = await modes[mode](app, { message }, outcome, t)
  t.equal(provider.requests.length - before, asked, 'how often it was asked')
  const status = code ? 'failed' : 'completed'
  const turn = await call('GET', `/api/alice/turns/${turn_id}`)
  t.match(turn.body, { status, attempt: 1, error: code && { code } }, 'the turn')

  if (replies === 'no server') await provider.start()
  provider.answer(whole)
  const next = await app.chat('and then?', { conversation_id })
  t.equal(next.response, 'Hello', 'the conversation goes on')
  const past = code
    ? []
    : [
        { role: 'user', content: message },
        ...(outcome.called ? toldOfCall : []),
        { role: 'assistant', content: text, ...(outcome.thought && { reasoning_content: outcome.thought }) },
      ]
  t.same(
    provider.requests.at(-1)?.body.messages,
    [...past, { role: 'user', content: 'and then?' }],
    'and the model is told of whole turns alone',
  )
  const messages = await call('GET', `/api/alice/conversations/${conversation_id}/messages`)
  t.match(
    messages.body.data,
    [
      { role: 'user', content: message, position: 1 },
      { role: 'assistant', content: text, status, position: 2 },
      { role: 'user', content: 'and then?', position: 3 },
      { role: 'assistant', content: 'Hello', status: 'completed', position: 4 },
    ],
    'both turns are listed with their messages',
  )
}

const checkAll = async (t: Test, app: ProviderApp, all: Row[]) => {
  for (const row of all) {
    for (const mode of ['JSON', 'stream'] as const) {
      await t.test(`${row[0]} (${mode})`, (t) => check(t, app, mode, row))
    }
  }
  await t.test('nothing but a request to the provider has the key', async (t) => {
    for (const [i, { headers }] of app.provider.requests.entries())
      t.equal(headers.authorization, `Bearer ${providerKey}`, `request ${i} has the key`)
    const dump = await app.dump()
    t.match(dump, /and then\?/, 'the messages are looked at')
    t.match(dump, /model-timeout|model-unauthorized/, 'and the turns')
    t.match(
      app.logged(),
      /the provider failed \(401 invalid_request_error invalid_api_key\)|in time/,
      'and the log',
    )
    t.notMatch(`${dump}${app.logged()}`, /kEpT/, 'neither the database nor the log has the key')
    t.notMatch(app.logged(), /and then|so far|maximum context/, 'nor does the log have anybody’s words')
  })
}

t.test('every way in which a provider fails has an end', async (t) => {
  const tools = localTools({ add: { work: () => 'added' } })
  await checkAll(t, await providerApp(t, 'openai-compatible/m', {}, { tools }), rows)
})

t.test('and so has its silence', async (t) => {
  const limits = { turnTimeoutMs: 3_000 }
  const app = await providerApp(t, 'openai-compatible/m', { firstEventTimeoutMs: 1_000 }, { limits })
  await checkAll(t, app, silences)
  const late = app.logged().match(/"message":"the model did not begin to answer in time"/g)
  t.equal(late?.length, 4, 'before the first word it has the shorter limit')
})
