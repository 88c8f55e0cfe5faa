import { gzipSync } from 'node:zlib'
import t from 'tap'
import type { ModelErrorCode } from '../../src/models/model-error.js'
import { askModel } from '../helpers/ask-model.js'
import { data } from '../helpers/provider-wire.js'
import { events, type Reply } from '../helpers/upstream.js'

const reply =
  (status: number, body: string | Buffer = '', headers: Record<string, string> = {}): Reply =>
  (response) =>
    response.writeHead(status, headers).end(body)

t.test('a status alone says whether to ask again, and whether another model should answer', async (t) => {
  const ask = await askModel(t, 'openai-compatible')
  const check = async (statuses: number[], code: ModelErrorCode, asked: number, isUnavailable: boolean) => {
    for (const status of statuses) {
      const { error, ...heard } = await ask(reply(status))
      t.same(
        [error?.code, heard.asked, error?.isUnavailable],
        [code, asked, isUnavailable],
        `${status}: ${code}, asked ${asked} times`,
      )
    }
  }
  await check([408, 409, 425, 499, 500, 502, 504, 520, 522, 524, 530], 'model-failed', 3, false)
  await check([429, 503, 529, 498, 420], 'model-overloaded', 3, false)
  await check([401, 403], 'model-unauthorized', 1, true)
  await check([402, 404, 410, 451], 'model-failed', 1, true)
  await check([300, 400, 405, 415, 422], 'model-failed', 1, false)
  await check([413], 'model-context-exceeded', 1, false)
})

/** Bodies that say the same in other shapes. */
const shapes: [what: string, toBody: (text: string) => unknown][] = [
  ['a code that says nothing', (message) => ({ error: { code: 0, message } })],
  ['other capitals', (Message) => ({ Message })],
  ['errorMessage', (errorMessage) => ({ errorMessage })],
  ['Baidu’s', (error_msg) => ({ error_code: 336_000, error_msg })],
  ['a fault (Apigee)', (faultstring) => ({ fault: { faultstring } })],
  ['err', (err) => ({ err })],
  ['no success', (msg) => ({ success: false, msg })],
  ['a status in words', (message) => ({ status: 'error', message })],
  ['errors by name', (text) => ({ errors: { messages: [text] } })],
  ['details with a context', (error) => ({ detail: [{ msg: 'invalid', ctx: { error } }] })],
  ['a message in a text', (text) => ({ error: { message: { text } } })],
  ['around a result', (message) => ({ result: { error: { message } } })],
  ['Volcengine’s', (Message) => ({ ResponseMetadata: { Error: { Code: 'Bad', Message } } })],
]
const texts: [text: string, code: ModelErrorCode, asked: number][] = [
  ['prompt is too long', 'model-context-exceeded', 1],
  ['Invalid API key', 'model-unauthorized', 1],
  ['Rate exceeded', 'model-overloaded', 3],
]

t.test('an error is read in every shape, as a refusal, with status 200, and in a stream', async (t) => {
  const ask = await askModel(t, 'openai-compatible')
  for (const [index, [what, toBody]] of shapes.entries()) {
    const [text, code, asked] = texts[index % texts.length] as (typeof texts)[0]
    const body = JSON.stringify(toBody(text))
    const json = { 'content-type': 'application/json' }
    for (const [how, sent] of [
      ['refused', reply(400, body, json)],
      ['200', reply(200, body, json)],
      ['stream', events(data(body))],
    ] as const) {
      const heard = await ask(sent)
      t.same([heard.error?.code, heard.asked], [code, asked], `${what} (${how}): ${text}`)
    }
  }
  const later = await ask(
    events(data({ choices: [{ delta: { content: 'Hel' } }] }), data({ detail: 'Oops' })),
  )
  t.same([later.error?.code, later.text], ['model-failed', 'Hel'], 'a bare text is one, where no more comes')
  const inChoice = { choices: [{ delta: { content: '' }, error: { code: 429 }, finish_reason: 'error' }] }
  t.equal((await ask(events(data(inChoice)))).error?.code, 'model-overloaded', 'one in a choice')
  const none = await ask(
    events(
      data({ error: { code: 0, message: 'success' } }),
      data({ choices: [{ delta: { content: 'Hi' }, finish_reason: 'stop' }] }),
    ),
  )
  t.equal(none.text, 'Hi', 'an error that says that there is none is none')
})

t.test('what servers say in codes and words of their own', async (t) => {
  const ask = await askModel(t, 'openai-compatible')
  const rows: [body: unknown, code: ModelErrorCode, isUnavailable?: boolean][] = [
    ['<Error><Code>ThrottlingException</Code><Message>Slower</Message></Error>', 'model-overloaded'],
    ['<Error><Code>InvalidAccessKeyId</Code></Error>', 'model-unauthorized', true],
    [{ error: 429, message: 'x' }, 'model-overloaded'],
    [{ code: 'DataInspectionFailed', message: 'x' }, 'model-content-filtered'],
    [
      { error: { code: 'x', innererror: { code: 'ResponsibleAIPolicyViolation' } } },
      'model-content-filtered',
    ],
    [{ error: { type: 'service_tier_capacity_exceeded', message: 'x' } }, 'model-overloaded'],
    [{ error: { code: 'string_above_max_length', message: 'x' } }, 'model-context-exceeded'],
    ['Input validation error: inputs must have less than 4096 tokens. Given: 5000', 'model-context-exceeded'],
    [{ error: { message: 'Invalid token (request id: 1)' } }, 'model-unauthorized', true],
    [{ error: { message: 'The model `m` does not exist' } }, 'model-failed', true],
    [{ error: { code: 'model_decommissioned', message: 'x' } }, 'model-failed', true],
    [{ error: { message: 'Invalid model: m', type: 'invalid_model' } }, 'model-failed', true],
    [{ error: 'model "m" not found, try pulling it first' }, 'model-failed', true],
    [{ error: { message: 'm is not a valid model ID' } }, 'model-failed', true],
    [{ error: { message: 'This request requires more credits' } }, 'model-failed', true],
    [{ error: { message: "'stop' is not supported with this model" } }, 'model-failed', false],
    [{ error: { message: 'The file was not found' } }, 'model-failed', false],
    [
      { error: { message: 'max_tokens is too large: this model supports at most 16384' } },
      'model-failed',
      false,
    ],
    [{ error: { message: 'x', code: 'model_max_prompt_tokens_exceeded' } }, 'model-context-exceeded'],
    [{ error: { message: 'x', code: 'tokens_limit_reached' } }, 'model-context-exceeded'],
    [{ error: { message: 'Authentication Fails (no such user)' } }, 'model-unauthorized', true],
    [{ __type: 'UnrecognizedClientException', message: 'x' }, 'model-unauthorized', true],
    [{ error: { message: 'token expired or incorrect', code: '1002' } }, 'model-unauthorized', true],
    [{ base_resp: { status_code: 1004, status_msg: 'login fail' } }, 'model-unauthorized', true],
    [{ error: { message: 'max concurrency exceeded' } }, 'model-overloaded'],
    [{ error: { message: 'Daily request limit reached' } }, 'model-overloaded'],
    [{ error: { message: 'Content Exists Risk' } }, 'model-content-filtered'],
    [{ error: { message: 'flagged as violating our usage policy' } }, 'model-content-filtered'],
    [{ error: { message: 'x', type: 'policy_violation' } }, 'model-content-filtered'],
    ['<html><h1>Bad Request</h1></html>', 'model-failed', false],
    ['', 'model-failed', false],
    ['null', 'model-failed', false],
  ]
  for (const [body, code, isUnavailable = false] of rows) {
    const { error } = await ask(reply(400, typeof body === 'string' ? body : JSON.stringify(body)))
    t.same([error?.code, error?.isUnavailable], [code, isUnavailable], JSON.stringify(body))
  }
  const zipped = gzipSync(JSON.stringify({ error: 'prompt is too long' }))
  const { error } = await ask(reply(400, zipped, { 'content-encoding': 'gzip' }))
  t.equal(error?.code, 'model-context-exceeded', 'a body that is compressed')
  const garbled = await ask(reply(429, 'not zipped', { 'content-encoding': 'gzip' }))
  t.equal(garbled.error?.code, 'model-overloaded', 'one that is not what it says')
  const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '12.5s' }]
  const limited = { error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'x', details } }
  for (const sent of [reply(429, JSON.stringify([limited])), events(data(limited))]) {
    const { error, asked } = await ask(sent)
    t.same([error?.retryAfterMs, asked], [12_500, 1], 'the pause that Google asks for in the body')
  }
})
