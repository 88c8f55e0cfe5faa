import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import t from 'tap'
import { readConfig } from '../../src/config.js'
import { ConfigError } from '../../src/environment.js'
import { openTracing, wantsTracing } from '../../src/tracing/open-tracing.js'
import { testApp, tokenOf } from '../helpers/app.js'

const read = (env: Record<string, string>) => readConfig(env).tracing
const log = { warn() {} }

t.test('the usual variables turn traces on and off', async (t) => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }
  t.notOk(wantsTracing(read({})), 'with nothing set there are none')
  t.equal(await openTracing(read({}), { log, mayStart: true }), undefined, 'and nothing is made')
  t.ok(wantsTracing(read(endpoint)), 'an endpoint turns them on')
  t.ok(
    wantsTracing(read({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' })),
    'one for traces, too',
  )
  t.ok(wantsTracing(read({ OTEL_TRACES_EXPORTER: 'otlp' })), 'so does the exporter, with its own endpoint')
  t.notOk(wantsTracing(read({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' })), 'none turns them off')
  t.notOk(wantsTracing(read({ ...endpoint, OTEL_SDK_DISABLED: 'TRUE' })), 'so does OTEL_SDK_DISABLED')
  t.ok(wantsTracing(read({ ...endpoint, OTEL_SDK_DISABLED: '1' })), 'which has to be true')
  t.equal(
    await openTracing(read(endpoint), { log, mayStart: false }),
    undefined,
    'inside an app no SDK is started',
  )
  t.match(
    read({ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_SERVICE_NAME: 'chat' }),
    { protocol: 'http/json', capturesContent: false, variables: { ...endpoint, OTEL_SERVICE_NAME: 'chat' } },
    'the SDK gets what it reads',
  )
  for (const [name, value] of [
    ['OTEL_EXPORTER_OTLP_ENDPOINT', '127.0.0.1:4318'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_TRACES_EXPORTER', 'zipkin'],
    ['OTEL_TRACES_SAMPLER', 'sometimes'],
    ['OTEL_TRACES_SAMPLER_ARG', '2'],
  ] as const)
    t.throws(() => read({ [name]: value }), new ConfigError(), `${name}=${value} stops the start`)
})

t.test('an SDK of the program around us gets the spans, and keeps those that it has begun', async (t) => {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  t.teardown(() => {
    trace.disable()
    context.disable()
  })
  const tracing = await openTracing(read({}), { log, mayStart: false })
  t.ok(tracing, 'it is found without any variable')
  const { app } = await testApp(t, { tracing })
  const around = trace.getTracer('test').startSpan('POST')
  const request = {
    method: 'POST',
    url: '/api/alice/chat',
    headers: { authorization: `Bearer ${tokenOf('alice')}` },
    payload: { message: 'hi' },
  } as const
  // It is sent when it is awaited.
  const send = async () => await app.inject(request)
  const { statusCode } = await context.with(trace.setSpan(context.active(), around), send)
  t.equal(statusCode, 200, 'a turn is answered')
  around.end()
  const spans = exporter.getFinishedSpans()
  const ended = spans.find(({ name }) => name === 'POST /api/{user_id}/chat')
  t.equal(ended?.spanContext().spanId, around.spanContext().spanId, 'the span around it has its name')
  t.equal(ended?.attributes['http.response.status_code'], 200, 'and its attributes')
  const turn = spans.find(({ name }) => name === 'invoke_agent')
  t.equal(turn?.parentSpanContext?.spanId, around.spanContext().spanId, 'the turn is below it')
})
