import t from 'tap'
import type { ReceivedSpan } from '../helpers/otlp-receiver.js'
import { chatCompletions as wire } from '../helpers/provider-wire.js'
import { events } from '../helpers/upstream.js'
import { until } from '../helpers/wait.js'
import { openTraced, secretArgument, secretMessage, secretResult, secretWords } from './traced.js'

t.test('texts are told where that is asked for, and a collector that hangs delays nothing', async (t) => {
  const { server, send, provider, collector, traceOf } = await openTraced(t, {
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
