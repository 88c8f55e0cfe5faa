import { pino } from 'pino'
import t, { type Test } from 'tap'
import { openModels } from '../../src/commands/runtime.js'
import { readConfig } from '../../src/config.js'
import { type TestAppOptions, testApp } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { localTools } from '../helpers/local-tools.js'
import { until } from '../helpers/models.js'
import { anthropicMessages, chatCompletions, openaiResponses } from '../helpers/provider-wire.js'
import { errorOf, textOf, turnOf } from '../helpers/stream.js'
import { events, type Reply, refuse, type Upstream, upstream } from '../helpers/upstream.js'

const chat = '/api/alice/chat'
const [a, b, c] = ['openai-compatible/a', 'anthropic/b', 'openai/c'] as const
const key = 'sk-kEpT-to-itself'

interface ChainApp extends Awaited<ReturnType<typeof testApp>> {
  logged(): string
  warnings(): { model: string; next: string }[]
}

/** The servers of three providers. */
const providers = async (t: Test) => {
  const servers = { a: await upstream(t), b: await upstream(t), c: await upstream(t) }
  servers.a.answer(events(...chatCompletions.answer('I am ', 'a.')))
  servers.b.answer(events(...anthropicMessages.answer('I am ', 'b.')))
  servers.c.answer(events(...openaiResponses.answer('I am ', 'c.')))
  return servers
}

/** The server as the environment configures it, with these providers. */
const chainApp = async (
  t: Test,
  servers: Record<'a' | 'b' | 'c', Upstream>,
  env: Record<string, string> = {},
  options: TestAppOptions = {},
): Promise<ChainApp> => {
  let logged = ''
  const write = (line: string): void => {
    logged += line
  }
  const log = pino({ level: 'trace' }, { write })
  const config = readConfig({
    CHAT_MODEL: `${a},${b}`,
    OPENAI_COMPATIBLE_BASE_URL: servers.a.url,
    OPENAI_COMPATIBLE_API_KEY: key,
    ANTHROPIC_BASE_URL: servers.b.url,
    ANTHROPIC_API_KEY: key,
    OPENAI_BASE_URL: servers.c.url,
    OPENAI_API_KEY: key,
    ...env,
  })
  const app = await testApp(t, { ...(await openModels(config, log)), log, ...options })
  const warnings = () =>
    logged
      .split('\n')
      .filter((line) => line.includes('the next one is asked'))
      .map((line) => JSON.parse(line))
  return { ...app, logged: () => logged, warnings }
}

const words = 'the provider says: please wait, alice'
const tooMany = { error: { message: words, type: 'rate_limit_error', code: 'rate_limit_exceeded' } }
const badKey = { error: { message: `Incorrect API key provided: ${key}`, code: 'invalid_api_key' } }
const broken = { error: { message: words, type: 'server_error' } }

const closed: Reply = (response) => response.destroy()
const silent: Reply = () => {}

/** What the first model's provider does, and whether it cannot even be connected to. */
const failures: [kind: string, reply: Reply | 'stop'][] = [
  ['cannot be reached', 'stop'],
  ['hangs up', closed],
  ['breaks off before the first word', events(chatCompletions.begin, 'CUT')],
  ['is overloaded (429)', refuse(429, tooMany)],
  ['is overloaded (503)', refuse(503, broken)],
  ['is overloaded (529)', refuse(529, broken)],
  ['is overloaded, and asks for an hour', refuse(429, tooMany, { 'retry-after': '3600' })],
  [
    'says in a stream that it is overloaded',
    events(chatCompletions.error({ code: 'overloaded', message: words })),
  ],
  ['is not authorized (401)', refuse(401, badKey)],
  ['is not authorized (403)', refuse(403, { error: { message: words } })],
  ['has no credit left (402)', refuse(402, { error: { message: 'Insufficient Balance' } })],
  [
    'has no credit left (400, Anthropic)',
    refuse(400, {
      error: { type: 'invalid_request_error', message: 'Your credit balance is too low to access the API.' },
    }),
  ],
  ['was withdrawn (404)', refuse(404, { error: { message: words, code: 'model_not_found' } })],
  ['was withdrawn (400)', refuse(400, { error: { message: 'The model `a` has been decommissioned' } })],
  [
    'is not there, but a page',
    (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Maintenance</html>'),
  ],
  ['fails (500)', refuse(500, broken)],
  ['says nothing in time', silent],
]

for (const [kind, reply] of failures) {
  t.test(`a model that ${kind}: the next one answers, in JSON and in a stream`, async (t) => {
    const servers = await providers(t)
    if (reply === 'stop') await servers.a.stop()
    else servers.a.answer(reply)
    const app = await chainApp(t, servers, reply === silent ? { CHAT_FIRST_EVENT_TIMEOUT_MS: '5000' } : {})

    const { status, body } = await app.call('POST', chat, { body: { message: 'hi' } })
    t.match(
      [status, body],
      [200, { status: 'completed', response: 'I am b.', model: b }],
      'the answer names it',
    )
    const turn = await app.call('GET', `/api/alice/turns/${body.turn_id}`)
    t.match(
      turn.body,
      { status: 'completed', model: b, usage: { total_tokens: 18 } },
      'it is stored with the turn',
    )
    const asked = servers.a.requests.length
    t.equal(asked, reply === 'stop' ? 0 : 1, 'the first one is asked once')

    const stream = await app.stream('POST', chat, {
      body: { message: 'hi', conversation_id: body.conversation_id },
    })
    t.equal(textOf(await stream.all()), 'I am b.', 'the second turn is answered, as a stream')
    t.equal(servers.a.requests.length, asked, 'the second turn leaves the first model alone')

    const list = `/api/alice/conversations/${body.conversation_id}/turns`
    const { data: turns } = (await app.call('GET', list)).body
    t.same(
      turns.map(({ model }: { model: string }) => model),
      [b, b],
      'listTurns names who answered',
    )
    const { data: usage } = (await app.call('GET', '/api/alice/usage')).body
    t.match(usage, [{ model: b, turns: 2, total_tokens: 36 }], 'usage counts for who answered')
    t.equal(usage.length, 1, 'and for nobody else')
    const { data: models } = (await app.call('GET', '/api/alice/models')).body
    t.same(models, [{ name: a, is_default: true }], 'the chain goes by its first model')
    t.match(app.warnings(), [{ model: a, next: b }], 'the log says who failed and who takes over')
    t.equal(app.warnings().length, 1, 'once')
    t.notMatch(app.logged(), /please wait|kEpT/, 'without the words of the provider, or the key')
  })
}

/** What is the request's fault, or comes too late. */
const finals: [kind: string, reply: Reply, code: string, response: string][] = [
  ['a request that it refuses', refuse(400, { error: { message: words } }), 'model-failed', ''],
  [
    'a prompt that is too long',
    refuse(400, { error: { code: 'context_length_exceeded' } }),
    'model-context-exceeded',
    '',
  ],
  ['a filtered prompt', refuse(400, { error: { code: 'content_filter' } }), 'model-content-filtered', ''],
  ['an answer without a word', events(...chatCompletions.answer('')), 'model-empty-answer', ''],
  [
    'a failure after a word',
    events(chatCompletions.begin, chatCompletions.text('Well'), 'CUT'),
    'model-broken-off',
    'Well',
  ],
  [
    'an overload after a word',
    events(chatCompletions.text('Well'), chatCompletions.error({ code: 'overloaded', message: words })),
    'model-overloaded',
    'Well',
  ],
]

for (const [kind, reply, code, said] of finals) {
  t.test(`${kind} is final: no other model answers`, async (t) => {
    const servers = await providers(t)
    servers.a.answer(reply)
    const app = await chainApp(t, servers)
    const stream = await app.stream('POST', chat, { body: { message: 'hi' } })
    const seen = await stream.all()
    t.same([errorOf(seen), textOf(seen)], [code, said], 'the turn fails with what was said')
    t.equal(servers.b.requests.length, 0, 'the second model is not asked')
    const { turn_id } = await turnOf(stream)
    const { body: turn } = await app.call('GET', `/api/alice/turns/${turn_id}`)
    t.match(turn, { status: 'failed', model: a }, 'the turn names the model that failed')
    servers.a.answer(events(...chatCompletions.answer('I am a.')))
    t.match(await app.chat('again'), { model: a }, 'the model is not left alone for it')
  })
}

t.test('all models fail: the last one is asked as often as usual, stored and counted', async (t) => {
  const servers = await providers(t)
  servers.a.answer(refuse(401, badKey))
  servers.b.answer(refuse(500, broken))
  const app = await chainApp(t, servers)
  const send = () => app.call('POST', chat, { body: { message: 'hi' }, headers: { 'idempotency-key': 'k' } })
  const failed = await send()
  t.match(failed, { status: 502, body: { code: 'model-failed' } }, 'the last failure is the answer')
  t.same([servers.a.requests.length, servers.b.requests.length], [1, 3], 'the last one is asked three times')
  const turn = async () => (await app.call('GET', `/api/alice/turns/${failed.body.turn_id}`)).body
  t.match(await turn(), { status: 'failed', model: b }, 'the turn names the model that was asked last')
  const { data: usage } = (await app.call('GET', '/api/alice/usage')).body
  t.match(usage, [{ model: b, turns: 1 }], 'the turn counts for it')

  servers.a.answer(events(...chatCompletions.answer('I am a.')))
  t.match(
    await send(),
    { status: 200, body: { response: 'I am a.', model: a } },
    'a retry begins with the chain',
  )
  t.same(
    [servers.a.requests.length, servers.b.requests.length],
    [2, 3],
    'in its order, though both failed before',
  )
  t.match(
    await turn(),
    { status: 'completed', model: a, attempt: 2 },
    'the turn names who answered in the end',
  )
  t.match(await app.chat('next'), { model: a }, 'a model that answers is asked again at once')
})

t.test('a retry on another instance, or after a restart, begins with the chain too', async (t) => {
  const servers = await providers(t)
  const { url: databaseUrl } = await testDatabase(t)
  servers.a.answer(refuse(503, broken))
  servers.b.answer(refuse(401, badKey))
  const send = (app: ChainApp, user: string) =>
    app.call('POST', `/api/${user}/chat`, {
      user,
      body: { message: 'hi' },
      headers: { 'idempotency-key': 'k' },
    })
  const before = await chainApp(t, servers, {}, { databaseUrl })
  for (const user of ['alice', 'bob', 'carol'])
    t.match(
      await send(before, user),
      { status: 502, body: { code: 'model-unauthorized' } },
      `${user}: it fails`,
    )

  servers.a.answer(events(...chatCompletions.answer('I am a.')))
  servers.b.answer(events(...anthropicMessages.answer('I am b.')))
  const restarted = await chainApp(t, servers, {}, { databaseUrl })
  t.match(
    await send(restarted, 'alice'),
    { status: 200, body: { model: a } },
    'a restart asks the first again',
  )
  const elsewhere = await chainApp(t, servers, { CHAT_MODEL: c, CHAT_MODELS: `${a}|${b}` }, { databaseUrl })
  t.match(
    await send(elsewhere, 'bob'),
    { status: 200, body: { model: a } },
    'the chain is found by its members',
  )
  const withdrawn = await chainApp(t, servers, { CHAT_MODEL: `${a}|${c}` }, { databaseUrl })
  t.match(
    await send(withdrawn, 'carol'),
    { status: 502, body: { code: 'model-failed' } },
    'unless it is gone',
  )
})

t.test('a turn stays with the model that began it, whatever becomes of the first one', async (t) => {
  const servers = await providers(t)
  // So that it is not left alone, either.
  servers.a.answer(refuse(429, tooMany, { 'retry-after': '0' }))
  servers.b.answer(
    (response, request) => {
      // The first model is well again while the second one's tool runs.
      servers.a.answer(events(...chatCompletions.answer('I am a.')))
      return events(...anthropicMessages.calls(['call_1', 'look', '{}']))(response, request)
    },
    refuse(529, broken),
    events(...anthropicMessages.answer('I am b.')),
  )
  const tools = localTools({ look: { work: () => 'seen' } })
  const app = await chainApp(t, servers, {}, { tools })
  const answer = await app.chat('look')
  t.match(
    answer,
    { response: 'I am b.', model: b, tool_calls: [{ result: 'seen' }] },
    'the second one answers',
  )
  t.same(
    [servers.a.requests.length, servers.b.requests.length],
    [1, 3],
    'it is asked again when it fails later',
  )
})

t.test('a model is left alone in every chain, and on its own it answers all the same', async (t) => {
  const servers = await providers(t)
  servers.a.answer(refuse(429, tooMany))
  const app = await chainApp(t, servers, { CHAT_MODELS: `${c}|${a}|${b},${b}` })
  const ask = async (model?: string) =>
    (await app.call('POST', chat, { body: { message: 'hi', ...(model && { model }) } })).body
  t.match(await ask(), { model: b }, 'the second of the default chain')
  servers.c.answer(refuse(401, badKey))
  t.match(await ask(c), { model: b }, 'another chain knows that the first one fails')
  t.equal(servers.a.requests.length, 1, 'which is not asked again')
  t.match(await ask(b), { model: b }, 'a model that is named alone')
  t.match(
    await app.call('POST', chat, { body: { message: 'hi', model: 'anthropic/x' } }),
    { status: 422 },
    'no other',
  )
  const { data } = (await app.call('GET', '/api/alice/models')).body
  t.same(
    data.map(({ name }: { name: string }) => name),
    [a, c, b],
    'a request may name the first of each chain',
  )
})

t.test('a title is made, and counted, by the model that could', async (t) => {
  const servers = await providers(t)
  servers.a.answer(refuse(401, badKey))
  const app = await chainApp(t, servers, {}, { titles: 'model' })
  const { conversation_id } = await app.chat('hi')
  await until(async () => {
    const { body } = await app.call('GET', `/api/alice/conversations/${conversation_id}`)
    return body.title === 'I am b.'
  }, 'the title')
  const { data } = (await app.call('GET', '/api/alice/usage')).body
  t.match(data, [{ model: b, turns: 1, total_tokens: 36 }], 'its tokens count for who made it')
  t.equal(data.length, 1, 'and for nobody else')
})

t.test('a turn that is cancelled while the first model is silent is not given to the next', async (t) => {
  const servers = await providers(t)
  servers.a.answer(silent)
  const app = await chainApp(t, servers)
  const stream = await app.stream('POST', chat, { body: { message: 'hi' } })
  await until(() => servers.a.requests.length === 1, 'the request')
  const path = `/api/alice/turns/${(await turnOf(stream)).turn_id}`
  await app.call('POST', `${path}/cancel`)
  await stream.all()
  t.equal(servers.b.requests.length, 0, 'the next one is not asked')
  t.match((await app.call('GET', path)).body, { status: 'cancelled', model: a }, 'and stored so')
  servers.a.answer(events(...chatCompletions.answer('I am a.')))
  t.match(await app.chat('again'), { model: a }, 'the first one is not left alone for it')
})
