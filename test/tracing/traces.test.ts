import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { tokenOf } from '../helpers/app.js'
import type { ReceivedSpan } from '../helpers/otlp-receiver.js'
import { chatCompletions as wire } from '../helpers/provider-wire.js'
import { events, refuse } from '../helpers/upstream.js'
import { until } from '../helpers/wait.js'
import { openTraced, providerError, secretMessage, secrets, secretWords } from './traced.js'
import { checkTurnTrace } from './turn-trace.js'

t.test('a turn and all that belongs to it', async (t) => {
  const traced = await openTraced(t, {
    OTEL_SERVICE_NAME: 'our-chat',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  })
  const { server, send, provider, collector, traceOf, call } = traced

  await t.test('is one trace, which goes on from the caller to the provider and the tool', (t) =>
    checkTurnTrace(t, traced),
  )

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
    provider.answer(refuse(401, { error: { message: providerError, type: 'invalid_request_error' } }))
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

  const postStream = () =>
    httpRequest(`${server.url}/api/alice/chat/stream`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokenOf('alice')}`, 'content-type': 'application/json' },
    })

  await t.test(
    'a body that arrives later, and a stream that ends later, belong to their request',
    async (t) => {
      const words = wire.answer(secretWords)
      provider.answer(events(...words.slice(0, -1), () => setTimeout(200), ...words.slice(-1)))
      const asked = postStream()
      const [start, ...rest] = JSON.stringify({ message: secretMessage }).split(' ')
      asked.write(start)
      await setTimeout(200)
      asked.end(` ${rest.join(' ')}`)
      const [response] = await once(asked, 'response')
      await text(response)
      const isOurs = ({ name }: ReceivedSpan) => name === 'POST /api/{user_id}/chat/stream'
      const request = await collector.span('the stream', isOurs)
      t.match(collector.below(request), [{ name: 'invoke_agent' }], 'the turn is below it')
      await server.printed(new RegExp(`"trace_id":"${request.traceId}"[^\\n]*"msg":"request"`))
      t.pass('its line in the log has its trace')
    },
  )

  await t.test('a turn outlives the client that has gone away', async (t) => {
    let goOn = () => {}
    const held = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const [begin = '', ...rest] = wire.answer(secretWords)
    provider.answer(events(begin, () => held, ...rest))
    const asked = postStream()
    asked.end(JSON.stringify({ message: secretMessage }))
    await once(asked, 'response')
    // One that only closed its end might still read.
    asked.socket?.resetAndDestroy()
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
