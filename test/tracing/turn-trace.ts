import type { Test } from 'tap'
import type { Json } from '../helpers/api-client.js'
import type { ReceivedSpan } from '../helpers/otlp-receiver.js'
import { chatCompletions as wire } from '../helpers/provider-wire.js'
import { events } from '../helpers/upstream.js'
import { secretArgument, secretMessage, secretWords, type Traced } from './traced.js'

const headersOf = (traceparent: string) => ({ traceparent, tracestate: 'a=1', baggage: 'secret=1' })
const idsIn = (traceparent: unknown) => {
  const [, traceId, spanId, flags] = String(traceparent).split('-')
  return { traceId, spanId, flags }
}
const names = (spans: ReceivedSpan[]) => spans.map(({ name }) => name)

/** Checks all spans of a turn with a tool call, and what the provider and the tool server are told of them. */
export const checkTurnTrace = async (t: Test, traced: Traced): Promise<void> => {
  const { server, send, provider, tools, collector, metas, traceOf } = traced
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
}
