import t from 'tap'
import type { Model } from '../../src/models/model.js'
import { type Call, type Json, type TestApp, testApp, tokenOf } from '../helpers/app.js'
import { rawCall } from '../helpers/raw.js'
import { until } from '../helpers/wait.js'

const unknownId = '019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e'
const chat = '/api/alice/chat'
const conversations = '/api/alice/conversations'
const usage = '/api/alice/usage'

/** A row: what is sent, the status and the code that it gets, and where the contract is broken. */
type Row = [what: string, method: string, path: string, call: Call, status: number, code: string, at?: string]

const noToken = { headers: { authorization: '' } }
const message = (body: unknown): Call => ({ body })
const typed = (type: string, body = '{"message":"hi"}'): Call => ({ body, headers: { 'content-type': type } })

const invisible = [
  '\u200b',
  '\u200d\u2060',
  '\ufeff',
  '\u00ad',
  '\ufe0f',
  '\u3164\u115f\u1160\uffa0',
  '\u034f',
  '\u2800',
  '\u061c\u202e',
  '\u{e0041}\u{e01ef}',
  '\u0001\u001b\u0085',
  '\ufff9',
  ' \n\u200b\u3000',
]

const rows: Row[] = [
  // 400: cannot be read
  ['malformed JSON', 'POST', chat, message('{"message":'), 400, 'malformed-body'],
  ['JSON with a comment', 'POST', chat, message('{"message":"a"/**/}'), 400, 'malformed-body'],
  ['NUL in a string', 'POST', chat, message('{"message":"a\\u0000b"}'), 400, 'malformed-body'],
  ['NUL in a key', 'POST', chat, message('{"message":"a","b\\u0000":1}'), 400, 'malformed-body'],
  ['a lone high surrogate', 'POST', chat, message('{"message":"\\ud800"}'), 400, 'malformed-body'],
  ['a lone low surrogate', 'POST', chat, message('{"message":"\\uDC00x"}'), 400, 'malformed-body'],
  [
    'surrogates the wrong way round',
    'POST',
    chat,
    message('{"message":"\\udc00\\ud800"}'),
    400,
    'malformed-body',
  ],
  ['a bad escape in the path', 'GET', '/api/alice/conversations/%zz', {}, 400, 'malformed-request'],
  ['a NUL in the path', 'GET', '/api/alice/conversations/%00', {}, 400, 'malformed-request'],
  ['invalid UTF-8 in the path', 'GET', '/api/%ff/conversations', {}, 400, 'malformed-request'],
  ['invalid UTF-8 in the query', 'GET', `${conversations}?cursor=%ff`, {}, 400, 'malformed-request'],
  ['a NUL in the query', 'GET', `${conversations}?cursor=%00`, {}, 400, 'malformed-request'],
  ['an unreadable URL of no route', 'GET', '/nowhere/%ff', noToken, 400, 'malformed-request'],

  // 404 and 405: the route, before the token
  ['an unknown path', 'GET', '/api/alice/nothing', noToken, 404, 'route-not-found'],
  ['a trailing slash', 'GET', `${conversations}/`, noToken, 404, 'route-not-found'],
  ['a doubled slash', 'GET', '/api//conversations', noToken, 404, 'route-not-found'],
  ['another case', 'GET', '/API/alice/conversations', noToken, 404, 'route-not-found'],
  ['a path that a client normalised', 'DELETE', '/api/alice/', noToken, 404, 'route-not-found'],
  ['another method', 'GET', chat, noToken, 405, 'method-not-allowed'],
  ['another method of a row', 'PUT', `${conversations}/${unknownId}`, noToken, 405, 'method-not-allowed'],
  ['HEAD of what has no GET', 'HEAD', chat, noToken, 405, ''],
  ['HEAD of a stream', 'HEAD', `${conversations}/${unknownId}/stream`, noToken, 405, ''],
  ['OPTIONS of no path', 'OPTIONS', '/nowhere', noToken, 404, 'route-not-found'],
  ['a method of WebDAV', 'PROPFIND', conversations, noToken, 405, 'method-not-allowed'],
  ['another method of a document', 'POST', '/openapi.json', noToken, 405, 'method-not-allowed'],

  // 401 before anything of the body, 403 after it
  ['no token', 'GET', conversations, noToken, 401, 'unauthenticated'],
  ['no token and HEAD', 'HEAD', conversations, noToken, 401, ''],
  ['no token and a bad body', 'POST', chat, { ...noToken, body: '{' }, 401, 'unauthenticated'],
  ['no token and a bad id', 'GET', '/api/alice/turns/1', noToken, 401, 'unauthenticated'],
  [
    'no token and a huge body',
    'POST',
    chat,
    { ...noToken, body: 'x'.repeat(300_000) },
    401,
    'unauthenticated',
  ],
  [
    'a bad token',
    'GET',
    conversations,
    { headers: { authorization: 'Bearer a.b.c' } },
    401,
    'unauthenticated',
  ],
  ['another user', 'GET', conversations, { user: 'bob' }, 403, 'forbidden'],
  ['another user and a bad body', 'POST', chat, { user: 'bob', body: '{' }, 403, 'forbidden'],
  ['an impossible user in the path', 'GET', '/api/a%20b/conversations', {}, 403, 'forbidden'],
  ['a user of 200 characters', 'GET', `/api/${'a'.repeat(200)}/conversations`, {}, 403, 'forbidden'],

  // 413 and 415: the body as such
  ['a body over 256 KiB', 'POST', chat, message({ message: 'x'.repeat(262_144) }), 413, 'body-too-large'],
  ['text/plain', 'POST', chat, typed('text/plain'), 415, 'unsupported-media-type'],
  [
    'a form',
    'POST',
    chat,
    typed('application/x-www-form-urlencoded', 'message=hi'),
    415,
    'unsupported-media-type',
  ],
  ['another JSON type', 'POST', chat, typed('application/vnd.x+json'), 415, 'unsupported-media-type'],
  ['UTF-16', 'POST', chat, typed('application/json; charset=utf-16'), 415, 'unsupported-media-type'],
  ['Latin-1', 'POST', chat, typed('application/json; charset="iso-8859-1"'), 415, 'unsupported-media-type'],
  ['UTF-7', 'POST', chat, typed('application/json; charset=utf-7'), 415, 'unsupported-media-type'],
  [
    'an unknown charset',
    'POST',
    chat,
    typed('application/json; charset=utf88'),
    415,
    'unsupported-media-type',
  ],
  ['no real media type', 'POST', chat, typed('json'), 415, 'unsupported-media-type'],
  [
    'a compressed body',
    'POST',
    chat,
    { body: '{"message":"hi"}', headers: { 'content-encoding': 'gzip' } },
    415,
    'unsupported-media-type',
  ],

  // 422: readable, but not what the contract says
  ['no body', 'POST', chat, {}, 422, 'validation-failed', '/body'],
  ['an empty body', 'POST', chat, typed('application/json', ''), 422, 'validation-failed', '/body'],
  ['null', 'POST', chat, message('null'), 422, 'validation-failed', '/body'],
  ['an array', 'POST', chat, message('[]'), 422, 'validation-failed', '/body'],
  ['no message', 'POST', chat, message({}), 422, 'validation-failed', '/body/message'],
  ['a number', 'POST', chat, message({ message: -1 }), 422, 'validation-failed', '/body/message'],
  ['an empty message', 'POST', chat, message({ message: '' }), 422, 'validation-failed', '/body/message'],
  [
    'white space',
    'POST',
    chat,
    message({ message: ' \n\u00a0\u3000' }),
    422,
    'validation-failed',
    '/body/message',
  ],
  ...invisible.flatMap((text): Row[] => {
    const what = `invisible ${[...text].map((character) => character.codePointAt(0)?.toString(16))}`
    const refused = (field: string) => [422, 'validation-failed', `/body/${field}`] as const
    return [
      [`${what} as a message`, 'POST', chat, message({ message: text }), ...refused('message')],
      [`${what} as a title`, 'POST', conversations, message({ title: text }), ...refused('title')],
      [
        `${what} as a new title`,
        'PATCH',
        `${conversations}/${unknownId}`,
        message({ title: text }),
        ...refused('title'),
      ],
    ]
  }),
  [
    '10,001 characters',
    'POST',
    chat,
    message({ message: 'é'.repeat(10_001) }),
    422,
    'validation-failed',
    '/body/message',
  ],
  ['an unknown field', 'POST', chat, message({ message: 'hi', x: 1 }), 422, 'validation-failed', '/body/x'],
  [
    '__proto__',
    'POST',
    chat,
    message('{"message":"hi","__proto__":{"a":1}}'),
    422,
    'validation-failed',
    '/body/__proto__',
  ],
  [
    'a malformed id in the body',
    'POST',
    chat,
    message({ message: 'hi', conversation_id: '1' }),
    422,
    'validation-failed',
    '/body/conversation_id',
  ],
  [
    'null as an id',
    'POST',
    chat,
    message({ message: 'hi', conversation_id: null }),
    422,
    'validation-failed',
    '/body/conversation_id',
  ],
  ['a malformed id', 'GET', '/api/alice/turns/1', {}, 422, 'validation-failed', '/path/turn_id'],
  [
    'a UUID of version 4',
    'GET',
    `${conversations}/6f1c2a3e-8f5b-4c1d-9e2f-0a1b2c3d4e5f`,
    {},
    422,
    'validation-failed',
    '/path/conversation_id',
  ],
  ['limit 0', 'GET', `${conversations}?limit=0`, {}, 422, 'validation-failed', '/query/limit'],
  ['limit 101', 'GET', `${conversations}?limit=101`, {}, 422, 'validation-failed', '/query/limit'],
  ['limit 1e2', 'GET', `${conversations}?limit=1e2`, {}, 422, 'validation-failed', '/query/limit'],
  ['limit 1e400', 'GET', `${conversations}?limit=1e400`, {}, 422, 'validation-failed', '/query/limit'],
  ['limit 0x10', 'GET', `${conversations}?limit=0x10`, {}, 422, 'validation-failed', '/query/limit'],
  ['limit with a space', 'GET', `${conversations}?limit=%205`, {}, 422, 'validation-failed', '/query/limit'],
  ['limit 05', 'GET', `${conversations}?limit=05`, {}, 422, 'validation-failed', '/query/limit'],
  ['an empty limit', 'GET', `${conversations}?limit=`, {}, 422, 'validation-failed', '/query/limit'],
  ['two limits', 'GET', `${conversations}?limit=1&limit=2`, {}, 422, 'validation-failed', '/query/limit'],
  ['archived=yes', 'GET', `${conversations}?archived=yes`, {}, 422, 'validation-failed', '/query/archived'],
  ['an unknown parameter', 'GET', `${conversations}?limt=5`, {}, 422, 'validation-failed', '/query/limt'],
  ['a parameter where none is', 'GET', '/health/live?x=1', {}, 422, 'validation-failed', '/query/x'],
  [
    'a day that does not exist',
    'GET',
    `${usage}?first_day=2026-02-30`,
    {},
    422,
    'validation-failed',
    '/query/first_day',
  ],
  [
    'a day of no leap year',
    'GET',
    `${usage}?last_day=2027-02-29`,
    {},
    422,
    'validation-failed',
    '/query/last_day',
  ],
  [
    'a time as a day',
    'GET',
    `${usage}?last_day=2026-02-01T00:00:00Z`,
    {},
    422,
    'validation-failed',
    '/query/last_day',
  ],
  ['the year 0', 'GET', `${usage}?first_day=0000-01-01`, {}, 422, 'validation-failed', '/query/first_day'],
  ['an empty day', 'GET', `${usage}?first_day=`, {}, 422, 'validation-failed', '/query/first_day'],
  [
    'a first day after the last',
    'GET',
    `${usage}?first_day=2026-02-02&last_day=2026-02-01`,
    {},
    422,
    'validation-failed',
    '/query/last_day',
  ],
  ['a made-up cursor', 'GET', `${conversations}?cursor=abc`, {}, 422, 'validation-failed', '/query/cursor'],
  [
    'a body where none is',
    'DELETE',
    `${conversations}/${unknownId}`,
    message({ a: 1 }),
    422,
    'validation-failed',
    '/body',
  ],
  [
    'an empty update',
    'PATCH',
    `${conversations}/${unknownId}`,
    message({}),
    422,
    'validation-failed',
    '/body',
  ],
  [
    'a title of 201 characters',
    'PATCH',
    `${conversations}/${unknownId}`,
    message({ title: 'x'.repeat(201) }),
    422,
    'validation-failed',
    '/body/title',
  ],
  [
    'metadata of 17 pairs',
    'POST',
    conversations,
    message({ metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, ''])) }),
    422,
    'validation-failed',
    '/body/metadata',
  ],
  [
    'a metadata key of 65 characters',
    'PATCH',
    `${conversations}/${unknownId}`,
    message({ metadata: { ['k'.repeat(65)]: '' } }),
    422,
    'validation-failed',
    `/body/metadata/${'k'.repeat(65)}`,
  ],
  [
    'a metadata value that is no text',
    'PATCH',
    `${conversations}/${unknownId}`,
    message({ metadata: { 'a/b~c': 1 } }),
    422,
    'validation-failed',
    '/body/metadata/a~1b~0c',
  ],

  // 404: the row, after validation
  ['an unknown turn', 'GET', `/api/alice/turns/${unknownId}`, {}, 404, 'turn-not-found'],
  ['an unknown conversation', 'GET', `${conversations}/${unknownId}`, {}, 404, 'conversation-not-found'],
  [
    'a message to an unknown conversation',
    'POST',
    chat,
    message({ message: 'hi', conversation_id: unknownId }),
    404,
    'conversation-not-found',
  ],
]

t.test('bad input: input → status and problem code', async (t) => {
  const { call } = await testApp(t)
  for (const [what, method, path, options, status, code, at] of rows) {
    const answer = await call(method, path, options)
    const got = [answer.status, answer.body?.code ?? '', answer.body?.errors?.[0]?.path]
    t.same(got, [status, code, at], `${status} ${code || '(no body)'}: ${what}`)
  }
})

t.test('what no HTTP client sends: input → status and problem code', async (t) => {
  const { url } = await testApp(t)
  const authorization = `authorization: Bearer ${tokenOf('alice')}`
  const get = (target: string, ...headers: string[]) =>
    ['GET ', target, ' HTTP/1.1\r\n', ...headers.map((h) => `${h}\r\n`), 'connection: close\r\n\r\n'].join('')
  const post = (body: Buffer, ...headers: string[]) =>
    Buffer.concat([
      Buffer.from(
        [`POST ${chat} HTTP/1.1`, 'host: a', authorization, 'connection: close', ...headers, '', ''].join(
          '\r\n',
        ),
      ),
      body,
    ])
  const json = 'content-type: application/json'
  const length = (n: number) => `content-length: ${n}`

  const exchanges: [what: string, request: string | Buffer, status: number, code: string][] = [
    [
      'two Authorization headers',
      get(conversations, 'host: a', authorization, authorization),
      400,
      'malformed-request',
    ],
    [
      'two Idempotency-Key headers',
      post(Buffer.from('{}'), json, length(2), 'idempotency-key: a', 'idempotency-key: b'),
      400,
      'malformed-request',
    ],
    [
      'two Authorization headers on no route',
      get('/x', 'host: a', authorization, authorization),
      400,
      'malformed-request',
    ],
    ['no Host', get(conversations, authorization), 400, 'malformed-request'],
    ['two Hosts', get(conversations, 'host: a', 'host: b', authorization), 400, 'malformed-request'],
    ['no HTTP', 'HELO example\r\n\r\n', 400, 'malformed-request'],
    ['a header with a control character', get('/', 'host: a', 'x: a\u0001b'), 400, 'malformed-request'],
    [
      'a length and chunks at once',
      post(Buffer.from('0\r\n\r\n'), json, length(5), 'transfer-encoding: chunked'),
      400,
      'malformed-request',
    ],
    ['a bad length', post(Buffer.from('{}'), json, 'content-length: -2'), 400, 'malformed-request'],
    ['invalid UTF-8', post(Buffer.from([0x22, 0xff, 0x22]), json, length(3)), 400, 'malformed-body'],
    ['a URL of 8,193 bytes', get(`/${'a'.repeat(8_192)}`, 'host: a'), 414, 'uri-too-long'],
    ['a URL of 20,000 bytes', get(`/${'a'.repeat(20_000)}`, 'host: a'), 414, 'uri-too-long'],
    ['headers of 20,000 bytes', get('/', 'host: a', `x: ${'a'.repeat(20_000)}`), 431, 'headers-too-large'],
    ['an unknown expectation', get('/nowhere', 'host: a', 'expect: wonders'), 404, 'route-not-found'],
    ['no media type', post(Buffer.from('{"message":"hi"}'), length(16)), 415, 'unsupported-media-type'],
    [
      'chunks over 256 KiB',
      post(
        Buffer.from(`${(270_000).toString(16)}\r\n${'x'.repeat(270_000)}\r\n0\r\n\r\n`),
        json,
        'transfer-encoding: chunked',
      ),
      413,
      'body-too-large',
    ],
  ]
  for (const [what, request, status, code] of exchanges) {
    const answer = await rawCall(t, url, request)
    const body = answer.body.includes('{')
      ? JSON.parse(answer.body.slice(answer.body.indexOf('{'), answer.body.lastIndexOf('}') + 1))
      : {}
    t.same([answer.status, body.code], [status, code], `${status} ${code}: ${what}`)
  }
})

t.test('legal input at its bounds is taken', async (t) => {
  const { call } = await testApp(t)
  const user = `${'a.:@-_'.repeat(21)}zz`
  const post = (body: unknown, headers = {}) => call('POST', `/api/${user}/chat`, { user, body, headers })
  const messages = [
    'x',
    '😀'.repeat(10_000),
    '\u0001 tab\t',
    'line\r\nbreak',
    '"quoted" \\u0000 \u2028',
    '\ufeffbom',
  ]
  for (const [i, text] of messages.entries()) {
    const { status, body } = await post({ message: text })
    t.equal(status, 200, `message ${i} is taken`)
    t.ok(body.response === `Echo: ${text}`, `and comes back as it was sent`)
  }
  t.equal((await post('{"message":"\\ud83d\\ude00"}')).body.response, 'Echo: 😀', 'an escaped pair')
  for (const charset of ['="UTF-8"', '=utf8', '=UTF8', '="Utf8"', '=utf-8; x=y', '=UTF-8 ']) {
    const { status } = await post(
      { message: 'hé' },
      { 'content-type': `Application/JSON ; charset${charset}` },
    )
    t.equal(status, 200, charset)
  }
  const list = await call('GET', `/api/${encodeURIComponent(user)}/conversations?limit=100`, { user })
  t.equal(list.status, 200, 'the longest id of a user and the largest page')
})

t.test('the model failed: 502 and 504, and the message is kept', async (t) => {
  const failing: Model = {
    name: 'failing',
    async *run({ message, signal }) {
      yield { type: 'text-delta', delta: 'so far ' }
      if (message === 'throw') throw new Error('the provider said: secret')
      if (message === 'stop') return
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
  }
  const limits = { turnTimeoutMs: 200 }
  const { call } = await testApp(t, { model: failing, limits })
  const outcomes: [string, number, string][] = [
    ['throw', 502, 'model-failed'],
    ['stop', 502, 'model-failed'],
    ['hang', 504, 'model-timeout'],
  ]
  for (const [message, status, code] of outcomes) {
    const failed = await call('POST', chat, { body: { message } })
    t.same([failed.status, failed.body.code], [status, code], message)
    t.notMatch(failed.text, /secret/, 'the cause stays inside')
    const turn = await call('GET', `/api/alice/turns/${failed.body.turn_id}`)
    t.match(
      turn.body,
      { status: 'failed', error: { code }, finished_at: String },
      `${message}: the turn has failed with the same code`,
    )
    const list = await call('GET', `${conversations}/${failed.body.conversation_id}/messages`)
    t.match(
      list.body.data,
      [
        { role: 'user', content: message, position: 1 },
        { role: 'assistant', content: 'so far ', status: 'failed', position: 2 },
      ],
      `${message}: the question and the text so far are kept`,
    )
  }
})

t.test('a busy conversation: 409 at once, with the running turn', async (t) => {
  let release = () => {}
  const slow: Model = {
    name: 'slow',
    async *run() {
      await new Promise<void>((resolve) => {
        release = resolve
      })
      yield {
        type: 'finish',
        usage: {
          input_tokens: 1,
          output_tokens: 2,
          cached_input_tokens: 1,
          reasoning_tokens: 0,
          total_tokens: 3,
        },
      }
    },
  }
  const { call, chat: send } = await testApp(t, { model: slow })
  const first = send('first')
  const list = async (): Promise<Json> => (await call('GET', conversations)).body.data
  await until(async () => (await list()).length > 0, 'the turn to run')
  const [{ id, running_turn_id, message_count }] = await list()
  t.equal(message_count, 1, 'a running turn shows its user’s message only')

  const busy = await call('POST', chat, { body: { message: 'second', conversation_id: id } })
  t.match(
    busy,
    { status: 409, body: { code: 'turn-in-progress', conversation_id: id, turn_id: running_turn_id } },
    'the refusal names the running turn',
  )
  t.equal(busy.headers.get('retry-after'), '1', 'and tells when to try again')
  t.match(
    (await call('GET', `/api/alice/turns/${running_turn_id}`)).body,
    { status: 'running', finished_at: null },
    'the turn is still running',
  )

  release()
  t.match(
    await first,
    {
      turn_id: running_turn_id,
      usage: {
        input_tokens: 1,
        output_tokens: 2,
        cached_input_tokens: 1,
        reasoning_tokens: 0,
        total_tokens: 3,
      },
    },
    'the first turn ends with its answer',
  )
  t.equal(
    (await call('GET', `${conversations}/${id}`)).body.running_turn_id,
    null,
    'no turn is running any more',
  )
})

t.test('slow and half-open connections: 408, and the connection is closed', async (t) => {
  const arrivalTimeouts = { headersMs: 150, requestMs: 300, checkEveryMs: 50 }
  const { url } = await testApp(t, { arrivalTimeouts })
  const head = `POST ${chat} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${tokenOf('alice')}\r\n`
  const slow: Record<string, string> = {
    'nothing at all': '',
    'half a request line': 'POST /api',
    'half the headers': head,
    'half a body': `${head}content-type: application/json\r\ncontent-length: 100\r\n\r\n{"mess`,
  }
  for (const [what, request] of Object.entries(slow)) {
    const answer = await rawCall(t, url, request)
    t.equal(answer.status, 408, what)
    t.match(JSON.parse(answer.body), { code: 'request-timeout', status: 408 }, `${what}: told why`)
  }
})

t.test('the order of judgement: the first reason counts', async (t) => {
  const { call }: TestApp = await testApp(t)
  const bad = { body: '{', headers: { 'content-type': 'text/plain' } }
  t.equal((await call('POST', '/api/alice/nothing', bad)).status, 404, 'route before everything of the body')
  t.equal((await call('POST', '/api/bob/chat', bad)).status, 403, 'the user before the body')
  t.equal((await call('POST', `${chat}?x=1`, bad)).status, 415, 'the body’s type before its shape')
  t.equal((await call('POST', `${chat}?x=1`, { body: '{' })).status, 400, 'JSON before the contract')
  t.equal(
    (await call('PATCH', `${conversations}/${unknownId}`, { body: {} })).status,
    422,
    'the contract before the row',
  )
})
