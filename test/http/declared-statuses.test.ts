import t from 'tap'
import type { Database } from '../../src/db/database.js'
import { DatabaseUnavailable } from '../../src/db/errors.js'
import type { Model } from '../../src/models/model.js'
import { type Call, limitRules, testApp, tokenOf } from '../helpers/app.js'
import { type ContractOperation, contractOperations, requiredQuery } from '../helpers/contract.js'
import { until } from '../helpers/models.js'
import { rawCall } from '../helpers/raw.js'

const unknownId = '019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e'

/** A body that is right for each operation that takes one. */
const bodies: Record<
  string,
  {
    message?: string
    title?: string
    rating?: string
    type?: string
    message_id?: string
    conversation?: object
  }
> = {
  createTurn: { message: 'hi' },
  streamNewTurn: { message: 'hi' },
  createConversation: { title: 'new' },
  updateConversation: { title: 'new' },
  forkConversation: { message_id: unknownId },
  rateMessage: { rating: 'up' },
  importUser: {
    type: 'conversation',
    conversation: { id: '019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6f', created_at: '2026-01-01T00:00:00.000Z' },
  },
}

/** What the model does is what it is asked; anything else it answers. */
const model: Model = {
  name: 'obedient',
  async *run({ message, signal }) {
    yield { type: 'text-delta', delta: 'so far' }
    if (message === 'fail') throw new Error('no')
    if (message === 'wait' || message === 'hang') {
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
    yield {
      type: 'finish',
      usage: {
        input_tokens: null,
        output_tokens: null,
        cached_input_tokens: null,
        reasoning_tokens: null,
        total_tokens: null,
      },
    }
  },
}

const broken = (error: Error): Database => {
  const refuse = () => Promise.reject(error)
  return {
    asUser: refuse,
    asNobody: refuse,
    asLogin: refuse,
    statement: refuse,
    nodeOf: () => '',
    close: async () => {},
  }
}

/** The turn and the conversation that a request names. */
type Ids = Record<string, string>
const unknown: Ids = { conversation_id: unknownId, turn_id: unknownId, message_id: unknownId }

const pathOf = ({ path }: ContractOperation, ids: Ids): string =>
  path.replace('{user_id}', 'alice').replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? '')

t.test('every operation answers with every status that the contract declares for it', async (t) => {
  const app = await testApp(t, { model, shutdownMs: 0, limits: { busyWaitMs: 0, turnTimeoutMs: 300_000 } })
  const hasty = await testApp(t, { model, limits: { turnTimeoutMs: 50 } })
  // Whole requests could be late, too, where the machine is busy.
  const impatient = await testApp(t, {
    db: broken(new Error('nothing arrives')),
    arrivalTimeouts: { headersMs: 100, requestMs: 100, checkEveryMs: 20 },
  })
  const away = await testApp(t, { db: broken(new DatabaseUnavailable(new Error('away'))) })
  const faulty = await testApp(t, { db: broken(new Error('boom')) })

  const limited = await testApp(t, {
    model,
    databaseUrl: app.databaseUrl,
    userLimits: limitRules({ runningTurns: 1 }),
  })

  const turn = { message: 'hi' }
  const begun = await app.chat('hi')
  const { conversation_id, turn_id, message_id } = begun
  const ended: Ids = { conversation_id, turn_id, message_id }
  void app.call('POST', '/api/alice/chat', { body: { message: 'wait' } })
  let running: Ids = unknown
  await until(async () => {
    const { body } = await app.call('GET', '/api/alice/conversations')
    const busy = body.data.find((c: { running_turn_id: string | null }) => c.running_turn_id)
    if (busy) running = { conversation_id: busy.id, turn_id: busy.running_turn_id }
    return busy !== undefined
  })

  /** Sends what is right for the operation, but for what is told. */
  const send = (operation: ContractOperation, at: typeof app, ids: Ids, call: Call = {}, query = '') => {
    const given = bodies[operation.operationId]
    const body = given?.message_id ? { message_id: ids.message_id } : given
    const required = requiredQuery(operation, { confirm: 'alice' })
    const asked = required && query ? `${required}&${query.slice(1)}` : required + query
    return at.call(operation.method, pathOf(operation, ids) + asked, {
      ...(body && { body }),
      ...call,
    })
  }
  const raw = (operation: ContractOperation, ...headers: string[]) =>
    [`${operation.method} ${pathOf(operation, unknown)} HTTP/1.1`, 'host: a', ...headers].join('\r\n')

  /** How each status is had. */
  const ways: Record<string, (operation: ContractOperation) => Promise<{ status: number }>> = {
    200: async (operation) => {
      if (operation.operationId === 'streamNewTurn') {
        const answer = await app.stream(operation.method, pathOf(operation, ended), { body: turn })
        await answer.leave()
        return answer
      }
      if (operation.operationId === 'streamUpdates') return send(operation, app, ended, {}, '?max_seconds=1')
      if (operation.operationId !== 'streamConversation') return send(operation, app, ended)
      const answer = await app.stream(operation.method, pathOf(operation, running))
      await answer.leave()
      return answer
    },
    201: (operation) => send(operation, app, ended),
    204: (operation) => send(operation, app, ended),
    400: (operation) => send(operation, app, ended, {}, '?x=%00'),
    401: (operation) => send(operation, app, ended, { headers: { authorization: '' } }),
    403: (operation) => send(operation, app, ended, { user: 'bob' }),
    404: (operation) =>
      send(
        operation,
        app,
        unknown,
        bodies[operation.operationId]?.message ? { body: { ...turn, conversation_id: unknownId } } : {},
      ),
    408: (operation) =>
      rawCall(t, impatient.url, raw(operation, `authorization: Bearer ${tokenOf('alice')}`)),
    409: (operation) =>
      send(operation, app, ended, { body: { ...turn, conversation_id: running.conversation_id } }),
    413: (operation) =>
      send(operation, app, ended, {
        body: { message: 'x'.repeat(operation.operationId === 'importUser' ? 8_500_000 : 300_000) },
      }),
    414: (operation) => send(operation, app, ended, {}, `?x=${'x'.repeat(9_000)}`),
    415: (operation) =>
      send(operation, app, ended, { body: 'hi', headers: { 'content-type': 'text/plain' } }),
    422: (operation) => send(operation, app, ended, {}, '?x=1'),
    429: (operation) => send(operation, limited, ended),
    431: (operation) => rawCall(t, app.url, `${raw(operation, `x: ${'x'.repeat(20_000)}`)}\r\n\r\n`),
    500: (operation) => send(operation, faulty, ended),
    502: (operation) => send(operation, app, ended, { body: { message: 'fail' } }),
    503: (operation) => send(operation, away, ended),
    504: (operation) => send(operation, hasty, ended, { body: { message: 'hang' } }),
  }
  // What cannot be had from outside: a stop that its instance does not heed in time, and a fault where nothing is done.
  const exempt = new Set([
    'cancelTurn 202',
    'getLiveness 500',
    'getToolKeys 500',
    'listAssistants 500',
    'listAssistants 503',
    'listModels 500',
    'listModels 503',
  ])

  const pairs = contractOperations.flatMap((operation) =>
    Object.keys(operation.responses).map((status) => ({ operation, status })),
  )
  // Deleting comes last, since the others need what there is.
  const order = ({ operation, status }: (typeof pairs)[number]): number =>
    Number(`${operation.operationId} ${status}` === 'deleteConversation 204') +
    2 * Number(`${operation.operationId} ${status}` === 'eraseUser 200')
  for (const { operation, status } of pairs.sort((a, b) => order(a) - order(b))) {
    const name = `${operation.operationId} ${status}`
    // Only turns are counted; for what else there is, the contract keeps the status free.
    if (status === '429' && bodies[operation.operationId]?.message === undefined) continue
    if (exempt.delete(name)) continue
    const way = ways[status]
    if (!way) {
      t.fail(`${name}: nobody knows how to have it`)
      continue
    }
    t.equal((await way(operation)).status, Number(status), name)
  }
  t.same([...exempt], [], 'what cannot be had is declared')
})

t.test('headers about a body that is not there change no status', async (t) => {
  const { url } = await testApp(t)
  const headers = [
    'content-type: text/plain',
    'content-type: application/x-www-form-urlencoded',
    'content-type: application/json; charset=utf-16',
    'content-type: ;;nonsense',
    'content-type: ',
    'content-type: text/plain\r\ncontent-length: 0',
    'content-encoding: gzip',
    'content-length: 0\r\ncontent-encoding: br',
    'expect: 100-continue',
    'range: bytes=1-0',
    'if-match: "x"',
    'accept: image/png',
  ]
  // The stream of updates has no end that could be waited for.
  const isWithout = ({ operationId }: ContractOperation) =>
    !bodies[operationId] && operationId !== 'streamUpdates'
  for (const operation of contractOperations.filter(isWithout)) {
    const head = [
      `${operation.method} ${pathOf(operation, unknown)} HTTP/1.1`,
      'host: a',
      'connection: close',
    ]
    const request = [...head, `authorization: Bearer ${tokenOf('alice')}`]
    // What is not declared fails in rawCall.
    const plain = await rawCall(t, url, `${request.join('\r\n')}\r\n\r\n`)
    for (const header of headers) {
      const { status } = await rawCall(t, url, `${[...request, header].join('\r\n')}\r\n\r\n`)
      t.equal(status, plain.status, `${operation.operationId} with ${JSON.stringify(header)}`)
    }
  }
})
