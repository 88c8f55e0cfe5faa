import { createServer } from 'node:http'
import t from 'tap'
import { operations } from '../../generated/client.js'
import {
  type ClientOptions,
  ColloquyError,
  createClient,
  type RequestOptions,
} from '../../src/client/index.js'
import { testApp, tokenOf } from '../helpers/app.js'
import { contractOperations } from '../helpers/contract.js'
import { listen } from '../helpers/listen.js'

const app = await testApp(t)
const as = (options: Partial<ClientOptions> = {}) =>
  createClient({ url: app.url, userId: 'alice', token: () => tokenOf('alice'), ...options })

interface Sent {
  method: string
  path: string
  headers: Headers
  body: string
}

type Answer = Response | (() => Response | Promise<Response>)

/** A fetch that gives these answers, one after the other, and writes down what was sent; the last one stays. */
const answering = (...answers: Answer[]) => {
  const sent: Sent[] = []
  const fetch: typeof globalThis.fetch = async (input, init = {}) => {
    const { pathname, search } = new URL(String(input))
    if (pathname.endsWith('/health/live')) return new Response('{}')
    sent.push({
      method: init.method ?? '',
      path: pathname + search,
      headers: new Headers(init.headers),
      body: String(init.body ?? ''),
    })
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    const given = typeof answer === 'function' ? await answer() : answer
    if (!given) throw new TypeError('fetch failed')
    return given.clone()
  }
  return { sent, client: as({ url: 'http://127.0.0.1:1/base/', fetch }) }
}
const problem = (status: number, code: string, more: object = {}, headers: Record<string, string> = {}) =>
  Response.json(
    { type: 'about:blank', title: code, status, code, detail: `it is ${code}`, request_id: 'r1', ...more },
    { status, headers: { 'content-type': 'application/problem+json', ...headers } },
  )
const rejection = (work: unknown): Promise<unknown> =>
  Promise.resolve(work as Promise<unknown>).then(
    () => undefined,
    (error: unknown) => error,
  )
const turn = { conversation_id: 'c', turn_id: 't', response: 'hi' }
const answered = () => Response.json(turn)

t.test('there is a method for every operation of the contract, and it calls that operation', async (t) => {
  t.same(
    Object.keys(as()).sort(),
    contractOperations.map(({ operationId }) => operationId).sort(),
    'the methods are the operations',
  )
  const { conversation_id, turn_id, message_id } = await as().createTurn({ message: 'one' })
  const params: Record<string, object> = {
    createTurn: { conversation_id, message: 'two' },
    streamNewTurn: { conversation_id, message: 'three' },
    createConversation: { title: 'of its own' },
    updateConversation: { conversation_id, title: 'Renamed' },
    deleteConversation: { conversation_id: (await as().createConversation({})).id },
    rateMessage: { message_id, rating: 'up' },
    importUser: { file: new Blob(['{"type":"end"}']) },
    searchMessages: { q: 'one' },
    forkConversation: { conversation_id, message_id },
    eraseUser: { confirm: 'alice' },
  }
  // What erases all of it comes last.
  const [erasing, others] = [true, false].map((isLast) =>
    contractOperations.filter(({ operationId }) => (operationId === 'eraseUser') === isLast),
  )
  for (const { operationId: id, method, path, responses } of [...(others ?? []), ...(erasing ?? [])]) {
    let response: Response | undefined
    const watching: typeof fetch = async (...request) => {
      response = await fetch(...request)
      return response
    }
    const call = as({ fetch: watching })[id as 'getTurn'] as (
      given: object,
      options?: RequestOptions,
    ) => unknown
    const given =
      params[id] ??
      Object.fromEntries(
        [...path.matchAll(/\{(\w+)\}/g)].flatMap(([, name = '']) => {
          const value = { conversation_id, turn_id, message_id }[name]
          return value === undefined ? [] : [[name, value]]
        }),
      )
    const answer = call(given)
    const events: unknown[] = []
    const kind: string = operations[id as 'getTurn'].answer
    if (/^(stream|lines)$/.test(kind)) {
      for await (const event of answer as AsyncIterable<unknown>) events.push(event)
    } else if (kind === 'updates') {
      // It has no end.
      for await (const event of answer as AsyncIterable<unknown>) if (events.push(event)) break
    } else await answer
    t.ok(
      response?.status && String(response.status) in responses && response.ok,
      `${id}: ${response?.status}`,
    )
    const pattern = new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`)
    t.match(new URL(response?.url ?? '').pathname, pattern, `${method} ${path}`)
  }
})

t.test('the parts of a request come from one object: path, query and body', async (t) => {
  const { sent, client } = answering(() => Response.json({ data: [], next_cursor: null }))
  await client.listConversations({ archived: true, metadata: { project: 'a b', 'x&y': '1' }, limit: 5 })
  await client.listMessages({ conversation_id: 'a/../b', include: ['reasoning'], order: 'desc' })
  t.same(
    sent.map(({ method, path, body }) => [method, decodeURIComponent(path.replaceAll('%2F', '|')), body]),
    [
      [
        'GET',
        '/base/api/alice/conversations?archived=true&metadata[project]=a+b&metadata[x&y]=1&limit=5',
        '',
      ],
      ['GET', '/base/api/alice/conversations/a|..|b/messages?order=desc&include=reasoning', ''],
    ],
    'under a base path and a trailing slash, with everything escaped',
  )
  for (const conversation_id of ['..', '.', '', undefined as never]) {
    await t.rejects(
      client.deleteConversation({ conversation_id }),
      TypeError,
      `the id ${conversation_id} would lead elsewhere, and is not sent`,
    )
  }
  const misspelt = { conversation_id: 'c', oops: 1 } as { conversation_id: string }
  await t.rejects(client.getConversation(misspelt), /no parameter `oops`/, 'a misspelt parameter is told')
  t.equal(sent.length, 2, 'nothing of it was sent')
  const other = createClient({
    url: new URL('http://127.0.0.1:1/'),
    userId: 'a@b:c',
    token: 'fixed',
    fetch: async (input, init) => {
      t.equal(String(input), 'http://127.0.0.1:1/api/a%40b%3Ac/chat', 'the user is escaped, and a URL taken')
      t.equal(new Headers(init?.headers).get('authorization'), 'Bearer fixed', 'a fixed token is sent')
      t.equal(init?.body, '{"message":"hi"}', 'and the body without the user')
      return answered()
    },
  })
  await other.createTurn({ message: 'hi' })
})

t.test('a turn has a key of its own, which all of its retries keep', async (t) => {
  const { sent, client } = answering(
    () => Promise.reject(new TypeError('offline')),
    problem(503, 'shutting-down', {}, { 'retry-after': '0' }),
    answered,
  )
  t.match(await client.createTurn({ message: 'hi' }), turn, 'it is answered')
  await client.createTurn({ message: 'ho' })
  await client.createTurn({ message: 'ho' }, { idempotencyKey: 'mine' })
  const keys = sent.map(({ headers }) => headers.get('idempotency-key') ?? '')
  t.match(keys[0], /^[\w-]{32,}$/, 'a key is made')
  t.equal(new Set(keys.slice(0, 3)).size, 1, 'three tries have one key')
  t.equal(new Set(keys.slice(2, 4)).size, 2, 'the next message has another')
  t.equal(keys[4], 'mine', 'and who has a key gives it')
})

t.test('what may be repeated is repeated, after Retry-After, and what may not is not', async (t) => {
  const tries = async (act: (client: ReturnType<typeof as>) => unknown, ...answers: Answer[]) => {
    const { sent, client } = answering(...answers)
    const begun = performance.now()
    const error = await rejection(act(client))
    return {
      tries: sent.length,
      error: error as { code?: string } | undefined,
      ms: performance.now() - begun,
    }
  }
  const list = (client: ReturnType<typeof as>) => client.listConversations()
  const create = (client: ReturnType<typeof as>) => client.createConversation({})
  const page = () => Response.json({ data: [], next_cursor: null })
  const busy = (status: number, code: string, after: string) =>
    problem(status, code, {}, { 'retry-after': after })
  const inTwoSeconds = new Date(Date.now() + 60_000).toUTCString()
  const now = new Date(Date.now() + 58_000).toUTCString()
  const dated = problem(429, 'rate-limited', {}, { 'retry-after': inTwoSeconds, date: now })

  const seconds = await tries(list, busy(503, 'database-unavailable', '1'), page)
  t.match(seconds, { tries: 2, error: undefined }, 'a 503 of a GET is tried again')
  t.ok(seconds.ms > 990, 'after its Retry-After')
  const date = await tries(list, dated, page)
  t.match(date, { tries: 2, error: undefined }, 'a Retry-After may be a date')
  t.ok(date.ms > 1_900, 'and is waited for by the server’s clock')
  const far = busy(429, 'budget-exceeded', '3600')
  t.match(
    await tries(list, far, page),
    { tries: 1, error: { code: 'budget-exceeded', retryAfter: 3600 } },
    'an hour is told',
  )

  t.match(
    await tries(create, busy(429, 'rate-limited', '0'), answered),
    { tries: 2, error: undefined },
    'a refused POST',
  )
  t.match(
    await tries(create, busy(503, 'database-unavailable', '0'), answered),
    { tries: 1, error: { code: 'database-unavailable' } },
    'a POST that may have been done is not repeated',
  )
  t.match(
    await tries(create, () => Promise.reject(new TypeError('cut')), answered),
    { tries: 1, error: { code: 'unreachable' } },
    'nor one whose answer was lost',
  )
  const cancel = (client: ReturnType<typeof as>) => client.cancelTurn({ turn_id: 't' })
  t.match(
    await tries(cancel, busy(503, 'shutting-down', '0'), answered),
    { tries: 2, error: undefined },
    'to cancel twice is to cancel once',
  )
  const begin = (client: ReturnType<typeof as>) => client.createTurn({ message: 'hi' })
  t.match(
    await tries(begin, busy(409, 'idempotency-key-in-use', '0'), answered),
    { tries: 2, error: undefined },
    'the turn of this key is waited for',
  )
  t.match(
    await tries(begin, problem(502, 'model-failed', { turn_id: 't' }), answered),
    { tries: 1, error: { code: 'model-failed', turn_id: 't' } },
    'a model that failed costs money again only when asked',
  )
  const once = (client: ReturnType<typeof as>) => client.listConversations({}, { retries: 1 })
  t.match(
    await tries(once, busy(503, 'database-unavailable', '0')),
    { tries: 2, error: { code: 'database-unavailable' } },
    'the tries are bounded',
  )
  const remove = (client: ReturnType<typeof as>) => client.deleteConversation({ conversation_id: 'c' })
  const gone = problem(404, 'conversation-not-found')
  t.match(
    await tries(remove, busy(503, 'shutting-down', '0'), gone),
    { tries: 2, error: undefined },
    'a repeated DELETE that finds nothing has done its work',
  )
  t.match(
    await tries(remove, gone),
    { tries: 1, error: { code: 'conversation-not-found' } },
    'one that was sent once has not',
  )
})

t.test('a problem is a ColloquyError that its code narrows', async (t) => {
  const error = await rejection(as().createTurn({ message: '' }))
  if (!(error instanceof ColloquyError)) return t.fail('no ColloquyError')
  switch (error.code) {
    case 'validation-failed':
      // These two compile because of the code.
      t.equal(error.status satisfies 422, 422, 'the status')
      t.equal(error.problem.code, 'validation-failed', 'the problem as it came')
      t.match(error.errors, [{ path: '/body/message', code: 'too-short' }], 'what is wrong, and where')
      t.match(error.request_id, /./, 'the id of the request')
      break
    default:
      t.fail(error.code)
  }
  const limit = { limit: 'turns-per-day', turn_id: 't', conversation_id: 'c' }
  const { client } = answering(problem(429, 'rate-limited', limit, { 'retry-after': '77' }))
  t.match(
    await rejection(client.createTurn({ message: 'hi' })),
    { name: 'ColloquyError', code: 'rate-limited', status: 429, retryAfter: 77, request_id: 'r1', ...limit },
    'everything that the server said is in the error',
  )
  const later = await rejection(answering(problem(418, 'teapot')).client.listModels())
  t.match(later, { code: 'teapot', status: 418 }, 'the code of a later server stays')
})

t.test('an abort, before, during and between two tries, is no ColloquyError', async (t) => {
  const reason = new Error('enough')
  const calls: Record<string, (signal: AbortSignal) => unknown> = {
    json: (signal) => as().getConversation({ conversation_id: 'c' }, { signal }),
    list: (signal) => as().listConversations({}, { signal }),
    walk: (signal) => as().listConversations({}, { signal })[Symbol.asyncIterator]().next(),
    none: (signal) => as().deleteConversation({ conversation_id: 'c' }, { signal }),
    stream: (signal) => as().streamNewTurn({ message: 'hi' }, { signal }).next(),
  }
  for (const [name, call] of Object.entries(calls)) {
    t.equal(await rejection(call(AbortSignal.abort(reason))), reason, `${name}: aborted before`)
  }
  const silent = await listen(
    t,
    createServer(() => {}),
  )
  const sleeping = answering(problem(503, 'shutting-down', {}, { 'retry-after': '9' })).client
  const during: Record<string, (signal: AbortSignal) => unknown> = {
    'no answer': (signal) => as({ url: silent }).getTurn({ turn_id: 't' }, { signal }),
    'between tries': (signal) => sleeping.getTurn({ turn_id: 't' }, { signal }),
    'waiting for the token': (signal) =>
      as({ token: () => new Promise(() => {}) }).listModels(undefined, { signal }),
  }
  for (const [name, call] of Object.entries(during)) {
    const controller = new AbortController()
    setTimeout(() => controller.abort(reason), 100)
    const begun = performance.now()
    t.equal(await rejection(call(controller.signal)), reason, `${name}: aborted during`)
    t.ok(performance.now() - begun < 3_000, `${name}: at once`)
  }
})

/** A signal that counts who listens to it. */
const counted = () => {
  const controller = new AbortController()
  const { signal } = controller
  let listeners = 0
  const { addEventListener: add, removeEventListener: remove } = signal
  const known = new Set<unknown>()
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    known.add(args[1])
    listeners = known.size
    add.apply(signal, args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    known.delete(args[1])
    listeners = known.size
    remove.apply(signal, args)
  }
  return { controller, signal, listeners: () => listeners, seen: () => known }
}

t.test('a signal that serves for many requests keeps no listener of any', async (t) => {
  const { signal, listeners } = counted()
  const client = as()
  const { conversation_id } = await client.createTurn({ message: 'hi' }, { signal })
  for await (const _ of client.streamNewTurn({ message: 'hi' }, { signal }));
  for await (const event of client.streamNewTurn({ message: 'hi' }, { signal }))
    if (event.type === 'text-delta') break
  for await (const _ of client.listMessages({ conversation_id, limit: 1 }, { signal }));
  await client.deleteConversation({ conversation_id }, { signal })
  await rejection(client.getConversation({ conversation_id }, { signal }))
  await rejection(as({ url: 'http://127.0.0.1:1' }).getConversation({ conversation_id }, { signal }))
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.equal(listeners(), 0, 'all have gone')
})

t.test('a list is a page when it is awaited, and all entries when it is walked', async (t) => {
  const client = as()
  const { conversation_id } = await client.createTurn({ message: '1' })
  for (const message of ['2', '3']) await client.createTurn({ conversation_id, message })
  const list = client.listMessages({ conversation_id, limit: 4 })
  const page = await list
  t.equal(page.data.length, 4, 'a page')
  t.type(page.next_cursor, 'string', 'with its cursor')
  const contents: string[] = []
  for await (const { content } of list) contents.push(content)
  t.same(contents, ['1', 'Echo: 1', '2', 'Echo: 2', '3', 'Echo: 3'], 'and all of them, with the same object')
  const sizes: number[] = []
  for await (const { data } of client.listMessages({ conversation_id, limit: 4 }).pages())
    sizes.push(data.length)
  t.same(sizes, [4, 2], 'or page by page')

  const pages = [
    { data: [1], next_cursor: 'a' },
    { data: [], next_cursor: 'b' },
    { data: [2], next_cursor: null },
  ].map((body) => () => Response.json(body))
  const { client: paging, sent } = answering(...pages)
  const walk = paging.listConversations({ limit: 1 })
  t.equal(sent.length, 0, 'nothing is asked for before it is wanted')
  const seen: unknown[] = []
  for await (const entry of walk) seen.push(entry)
  t.same(seen, [1, 2], 'an empty page does not end it')
  t.same(
    sent.map(({ path }) => path.split('?')[1]),
    ['limit=1', 'limit=1&cursor=a', 'limit=1&cursor=b'],
    'each page is asked for with the cursor of the one before',
  )
  const loop = answering(() => Response.json({ data: [1], next_cursor: 'same' })).client.listConversations()
  const walkAll = async () => {
    for await (const _ of loop);
  }
  await t.rejects(walkAll(), { code: 'unexpected-answer' }, 'a list without an end is given up')
  const broken = answering(problem(403, 'forbidden')).client.listConversations()
  await new Promise((resolve) => setTimeout(resolve, 10))
  await t.rejects(
    Promise.all([broken, broken.finally()]),
    { code: 'forbidden' },
    'a refusal is told who waits',
  )
})

t.test('a token that the server refuses is asked for anew, once', async (t) => {
  const asked: boolean[] = []
  const renewing = as({
    token({ refresh }) {
      asked.push(refresh)
      return refresh ? tokenOf('alice') : 'old'
    },
  })
  t.match(await renewing.createTurn({ message: 'hi' }), { response: 'Echo: hi' }, 'the new one is taken')
  t.same(asked, [false, true], 'it was asked for once')
  asked.length = 0
  const stubborn = as({
    token({ refresh }) {
      asked.push(refresh)
      return refresh ? 'other' : 'old'
    },
  })
  t.match(
    await rejection(stubborn.listModels()),
    { code: 'unauthenticated', status: 401 },
    'a second refusal is told',
  )
  t.same(asked, [false, true], 'and not tried again')
  await t.rejects(
    as({ token: 'fixed' }).listModels(),
    { code: 'unauthenticated' },
    'a fixed token cannot be renewed',
  )
  t.match(
    await as({ token: () => Promise.reject(new Error('not asked')) }).getLiveness(),
    { status: 'ok' },
    'what needs no token asks for none',
  )
})
