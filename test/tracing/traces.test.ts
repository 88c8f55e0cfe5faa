import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createClient, type Json } from '../helpers/api-client.js'
import { tokenOf } from '../helpers/app.js'
import { testFolder } from '../helpers/cluster.js'
import { testDatabase } from '../helpers/database.js'
import { mcpServer } from '../helpers/mcp-server.js'
import { otlpReceiver, type ReceivedSpan } from '../helpers/otlp-receiver.js'
import { chatCompletions as wire } from '../helpers/provider-wire.js'
import { startServer } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'
import { newToolsPem } from '../helpers/tools.js'
import { events, refuse, upstream } from '../helpers/upstream.js'
import { until } from '../helpers/wait.js'

/** A server process that sends its traces to a collector, with a provider and a tool server that it calls. */

const secretMessage = 'The message that nobody else may read'
const secretWords = 'The answer that nobody else may read'
const secretArgument = 'an argument that nobody else may read'
const secretResult = 'a result that nobody else may read'
const secrets = [secretMessage, secretWords, secretArgument, secretResult, providerError()]

function providerError(): string {
  return 'an error of the provider that quotes the message'
}

const open = async (t: Test, settings: Record<string, string> = {}) => {
  const { url: DATABASE_URL } = await testDatabase(t)
  const [provider, collector, folder] = await Promise.all([upstream(t), otlpReceiver(t), testFolder(t)])
  const metas: Record<string, unknown>[] = []
  const tools = await mcpServer(t, {
    tools: [
      { name: 'look_up', description: 'Looks something up.', inputSchema: { type: 'object' } },
      { name: 'fail', inputSchema: { type: 'object' } },
    ],
    call(name, _args, { meta }) {
      metas.push(meta)
      return { content: [{ type: 'text', text: secretResult }], isError: name === 'fail' }
    },
  })
  const CHAT_MCP_CONFIG = join(folder, 'mcp.json')
  await writeFile(CHAT_MCP_CONFIG, JSON.stringify({ mcpServers: { it: { url: tools.url } } }))
  const server = await startServer(t, {
    env: {
      DATABASE_URL,
      BETTER_AUTH_SECRET: SECRET,
      CHAT_MCP_CONFIG,
      CHAT_TOOLS_KEY: newToolsPem(),
      CHAT_MODEL: 'openai-compatible/m',
      CHAT_MODELS: 'echo',
      CHAT_TEMPERATURE: '0.5',
      OPENAI_COMPATIBLE_BASE_URL: provider.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '50',
      ...settings,
    },
  })
  const client = createClient(server.url)
  /** The spans of the trace of a request, which is given by its span's end: everything else has ended by then. */
  const requestOf = (turnId: string) => async (): Promise<{ request: ReceivedSpan; turn: ReceivedSpan }> => {
    const turn = await collector.span(
      `turn ${turnId}`,
      ({ name, attributes }) => /^invoke_agent/.test(name) && attributes['colloquy.turn.id'] === turnId,
    )
    const request = await collector.span(
      `the request of turn ${turnId}`,
      ({ spanId }) => spanId === turn.parentSpanId,
    )
    return { request, turn }
  }
  const traceOf = (turnId: string) => requestOf(turnId)()
  return { ...client, server, provider, tools, collector, metas, traceOf }
}

const headersOf = (traceparent: string) => ({ traceparent, tracestate: 'a=1', baggage: 'secret=1' })
const idsIn = (traceparent: unknown) => {
  const [, traceId, spanId, flags] = String(traceparent).split('-')
  return { traceId, spanId, flags }
}
const names = (spans: ReceivedSpan[]) => spans.map(({ name }) => name)

t.test('a turn and all that belongs to it', async (t) => {
  const { server, send, provider, tools, collector, metas, traceOf, call } = await open(t, {
    OTEL_SERVICE_NAME: 'our-chat',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  })

  await t.test('is one trace, which goes on from the caller to the provider and the tool', async (t) => {
    provider.answer(
      events(...wire.calls(['call_1', 'look_up', JSON.stringify({ what: secretArgument })])),
      events(...wire.answer(secretWords)),
    )
    const incoming = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const { status, body } = await send('alice', { message: secretMessage }, headersOf(incoming))
    t.equal(status, 200, 'the turn is answered')
    const { request, turn } = await traceOf(body.turn_id)

    t.match(
      request,
      {
        name: 'POST /api/{user_id}/chat',
        kind: 'server',
        traceId: '0af7651916cd43dd8448eb211c80319c',
        parentSpanId: 'b7ad6b7169203331',
        isFailed: false,
        schemaUrl: 'https://opentelemetry.io/schemas/1.41.0',
        attributes: {
          'http.request.method': 'POST',
          'http.route': '/api/{user_id}/chat',
          'http.response.status_code': 200,
          'url.scheme': 'http',
          'colloquy.operation': 'createTurn',
        },
        resource: {
          'service.name': 'our-chat',
          'deployment.environment.name': 'test',
          'service.version': /^\d+\.\d+\.\d+/,
          'service.instance.id': String,
        },
      },
      'the request goes on with the trace of its caller',
    )
    t.match(
      turn,
      {
        name: 'invoke_agent',
        kind: 'internal',
        attributes: {
          'gen_ai.operation.name': 'invoke_agent',
          'gen_ai.conversation.id': body.conversation_id,
          'colloquy.turn.id': body.turn_id,
          'colloquy.turn.attempt': 1,
          'colloquy.turn.outcome': 'completed',
          'gen_ai.provider.name': 'openai-compatible',
          'gen_ai.request.model': 'm',
          'gen_ai.usage.input_tokens': body.usage.input_tokens,
          'gen_ai.usage.output_tokens': body.usage.output_tokens,
          'gen_ai.response.finish_reasons': ['stop'],
        },
      },
      'the turn is below it',
    )
    const steps = collector.below(turn)
    t.same(
      names(steps),
      ['colloquy.begin_turns', 'chat m', 'execute_tool look_up', 'chat m', 'colloquy.end_turns'],
      'and below the turn are its begin, the requests to the model, the call and its end',
    )
    const [begin, asked, called, answered, end] = steps as [ReceivedSpan, ...ReceivedSpan[]] & Json
    for (const batch of [begin, end]) {
      t.match(
        batch,
        {
          kind: 'client',
          attributes: {
            'db.system.name': 'postgresql',
            'db.operation.name': 'SELECT',
            'db.stored_procedure.name': batch.name,
            'db.query.summary': batch.name,
          },
          links: [{ traceId: turn.traceId, spanId: turn.spanId }],
        },
        `${batch.name} says what was called, and for which turn`,
      )
    }
    t.match(
      asked,
      {
        kind: 'client',
        attributes: {
          'gen_ai.operation.name': 'chat',
          'gen_ai.conversation.id': body.conversation_id,
          'gen_ai.provider.name': 'openai-compatible',
          'gen_ai.request.model': 'm',
          'gen_ai.response.model': 'm',
          'gen_ai.request.temperature': 0.5,
          'gen_ai.request.stream': true,
          'gen_ai.response.finish_reasons': ['tool_call'],
          'gen_ai.usage.input_tokens': 11,
          'gen_ai.usage.output_tokens': 7,
          'gen_ai.usage.cache_read.input_tokens': 5,
          'gen_ai.response.time_to_first_chunk': Number,
        },
      },
      'a request to the model has what it asked and what it cost',
    )
    t.match(
      answered,
      { attributes: { 'gen_ai.response.finish_reasons': ['stop'] } },
      'the second one is the answer',
    )
    t.match(
      called,
      {
        kind: 'internal',
        isFailed: false,
        attributes: {
          'gen_ai.operation.name': 'execute_tool',
          'gen_ai.tool.name': 'look_up',
          'gen_ai.tool.description': 'Looks something up.',
          'gen_ai.tool.call.id': 'call_1',
          'gen_ai.tool.type': 'extension',
          'gen_ai.conversation.id': body.conversation_id,
        },
      },
      'the call names its tool',
    )

    t.same(
      provider.requests.map(({ headers }) => idsIn(headers.traceparent)),
      [asked, answered].map(({ traceId, spanId }) => ({ traceId, spanId, flags: '01' })),
      'the provider is told which span asks',
    )
    t.match(
      provider.requests[0]?.headers,
      { tracestate: 'a=1', baggage: undefined },
      "it gets the trace's state, and nothing of the client's baggage",
    )
    const callRequest = tools.requests.find(({ body }) => body?.method === 'tools/call')
    const calling = { traceId: called.traceId, spanId: called.spanId, flags: '01' }
    t.same(idsIn(callRequest?.headers.traceparent), calling, 'the tool server is told which span calls')
    t.same(idsIn(metas[0]?.traceparent), calling, 'in the message too, where a process reads it')
    const line = await server.printed(
      new RegExp(`\\{[^\\n]*"trace_id":"${turn.traceId}"[^\\n]*"msg":"request"`),
    )
    t.match(
      JSON.parse(`${line}}`),
      { operation: 'createTurn', span_id: request.spanId },
      "the request's log line has its trace",
    )
  })

  await t.test('a trace begins here where the caller names none that can be read', async (t) => {
    provider.answer(events(...wire.answer(secretWords)))
    for (const traceparent of [
      '00-zz-b7ad6b7169203331-01',
      `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`,
      '',
    ]) {
      const { body } = await send('alice', { message: secretMessage }, { traceparent })
      const { request } = await traceOf(body.turn_id)
      t.match(request.traceId, /^(?!0{32})[\da-f]{32}$/, `"${traceparent}": it has a trace`)
      t.equal(request.parentSpanId, undefined, 'of its own')
    }
  })

  await t.test('failures have the codes of problems, and no text', async (t) => {
    provider.answer(refuse(401, { error: { message: providerError(), type: 'invalid_request_error' } }))
    const { status, body } = await send('alice', { message: secretMessage })
    t.match({ status, body }, { status: 502, body: { code: 'model-unauthorized' } }, 'the model refuses')
    const { request, turn } = await traceOf(body.turn_id)
    const [, chat] = collector.below(turn)
    for (const span of [request, turn, chat]) {
      t.match(
        span,
        { isFailed: true, statusMessage: undefined, attributes: { 'error.type': 'model-unauthorized' } },
        `${span?.name} has failed, by the code of the problem`,
      )
    }
    t.equal(request.attributes['colloquy.problem.code'], 'model-unauthorized', 'which the request names')
    await server.printed(new RegExp(`"trace_id":"${turn.traceId}"[^\\n]*"the turn did not complete"`))
    t.pass('a log line of the turn has its trace')

    provider.answer(events(...wire.calls(['call_2', 'fail', '{}'])), events(...wire.answer(secretWords)))
    const answer = await send('alice', { message: secretMessage })
    const { turn: second } = await traceOf(answer.body.turn_id)
    t.match(
      collector.below(second).find(({ name }) => name === 'execute_tool fail'),
      { isFailed: true, attributes: { 'error.type': 'tool_error' } },
      'a tool that reports an error has failed',
    )
    t.equal(second.isFailed, false, 'and the turn has not')

    const refused = await send('alice', { message: '' })
    t.equal(refused.status, 422, 'a request is refused')
    t.match(
      await collector.span(
        'a refused request',
        ({ attributes }) => attributes['http.response.status_code'] === 422,
      ),
      {
        isFailed: false,
        attributes: { 'colloquy.problem.code': 'validation-failed', 'error.type': undefined },
      },
      "a caller's mistake is no failure of ours",
    )
  })

  await t.test('a turn outlives the client that has gone away', async (t) => {
    let goOn = () => {}
    const held = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const [begin = '', ...rest] = wire.answer(secretWords)
    provider.answer(events(begin, () => held, ...rest))
    const gone = new AbortController()
    const asked = fetch(`${server.url}/api/alice/chat/stream`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokenOf('alice')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ message: secretMessage }),
      signal: gone.signal,
    })
    await asked
    gone.abort()
    const request = await collector.span('the stream', ({ events }) => events.length > 0)
    t.match(
      request,
      { name: 'POST /api/{user_id}/chat/stream', isFailed: false, events: ['the client has gone away'] },
      "the request's span ends with the client",
    )
    goOn()
    const turn = await collector.span('the turn', ({ parentSpanId }) => parentSpanId === request.spanId)
    t.equal(turn.attributes['colloquy.turn.outcome'], 'completed', 'the turn goes on')
    t.ok(turn.end > request.end, 'in a span that ends later')
  })

  await t.test('a batch has links to the turns that it serves, and they to it', async (t) => {
    const isBatch = ({ name }: ReceivedSpan) => name === 'BATCH colloquy.begin_turns'
    await until(async () => {
      const sent = Array.from({ length: 10 }, (_, n) =>
        send(`user-${n}`, { message: secretMessage, model: 'echo' }),
      )
      await Promise.all(sent)
      return collector.spans.some(isBatch)
    }, 'turns to begin together')
    const batch = await collector.span('a batch', isBatch)
    t.equal(batch.links.length, batch.attributes['db.operation.batch.size'], 'it has a link for each turn')
    t.equal(batch.attributes['db.operation.name'], 'BATCH SELECT', 'it is told to be a batch')
    const [first, ...others] = await Promise.all(
      batch.links.map(({ spanId }) => collector.span('a linked turn', (span) => span.spanId === spanId)),
    )
    t.equal(batch.parentSpanId, first?.spanId, 'it is below the first one')
    for (const { name, links } of others) {
      t.equal(name, 'invoke_agent', 'another one is a turn, too')
      t.same(links[0], { traceId: batch.traceId, spanId: batch.spanId }, 'which has a link to the batch')
    }
  })

  await t.test('a read has its transaction, and probes no trace', async (t) => {
    await fetch(`${server.url}/health/ready`)
    await call('alice', 'GET', '/conversations')
    const request = await collector.span('a list', ({ name }) => name === 'GET /api/{user_id}/conversations')
    t.match(
      collector.below(request),
      [{ name: 'postgresql', kind: 'client', attributes: { 'db.system.name': 'postgresql' } }],
      'the database is below the request',
    )
    t.notOk(
      collector.spans.some(({ name }) => name.includes('health')),
      'a probe is not traced',
    )
  })

  t.equal(await server.end(), 0, 'the server ends')
  for (const secret of [...secrets, 'alice'])
    t.notOk(
      collector.bodies.some((body) => body.includes(secret)),
      `no span has "${secret}"`,
    )
  t.equal(
    collector.spans.length,
    new Set(collector.spans.map(({ spanId }) => spanId)).size,
    'none comes twice',
  )
})

t.test('texts are told where that is asked for, and a collector that hangs delays nothing', async (t) => {
  const { server, send, provider, collector, traceOf } = await open(t, {
    OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'true',
    OTEL_EXPORTER_OTLP_TIMEOUT: '600000',
    OTEL_BSP_EXPORT_TIMEOUT: '600000',
    CHAT_SYSTEM_PROMPT: 'Be kind.',
  })
  provider.answer(
    events(...wire.calls(['call_1', 'look_up', JSON.stringify({ what: secretArgument })])),
    events(...wire.answer(secretWords)),
  )
  const { body } = await send('alice', { message: secretMessage })
  const { turn } = await traceOf(body.turn_id)
  const [, asked, called, answered] = collector.below(turn)
  const parsed = (span: ReceivedSpan | undefined, name: string) =>
    JSON.parse(span?.attributes[`gen_ai.${name}`])
  const callPart = { type: 'tool_call', id: 'call_1', name: 'look_up', arguments: { what: secretArgument } }
  t.same(parsed(asked, 'system_instructions'), [{ type: 'text', content: 'Be kind.' }], 'the instructions')
  t.same(
    parsed(asked, 'input.messages'),
    [{ role: 'user', parts: [{ type: 'text', content: secretMessage }] }],
    'what the model was asked',
  )
  t.same(
    parsed(asked, 'output.messages'),
    [{ role: 'assistant', parts: [callPart], finish_reason: 'tool_call' }],
    'what it wanted to call',
  )
  t.same(parsed(called, 'tool.call.arguments'), { what: secretArgument }, "the call's arguments")
  t.match(called?.attributes['gen_ai.tool.call.result'], secretResult, 'and its result')
  t.match(
    parsed(answered, 'input.messages'),
    [
      {},
      { role: 'assistant', parts: [callPart] },
      { role: 'tool', parts: [{ type: 'tool_call_response', id: 'call_1' }] },
    ],
    'the next request has both',
  )
  t.same(
    parsed(answered, 'output.messages'),
    [{ role: 'assistant', parts: [{ type: 'text', content: secretWords }], finish_reason: 'stop' }],
    'and the answer',
  )

  collector.hang()
  const received = collector.bodies.length
  provider.answer(events(...wire.answer(secretWords)))
  for (let n = 0; n < 3; n += 1) {
    t.equal((await send('alice', { message: secretMessage })).status, 200, 'turns are answered all the same')
    await until(() => collector.bodies.length > received, 'spans to be sent')
  }
  t.equal(await server.end(), 0, 'and the end does not wait for the collector')
})
