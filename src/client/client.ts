import { operations } from '../../generated/client.js'
import { readDocument, readJson } from './call.js'
import type { Client } from './client-types.js'
import {
  type ClientOptions,
  type Core,
  createCore,
  newKey,
  type OperationId,
  operationOf,
  type Params,
  type RequestOptions,
} from './core.js'
import type { StreamEvent } from './event-stream.js'
import { List, type Page } from './page.js'
import { ColloquyError } from './problem.js'
import { failureOf, readResumedEvents, type Turn } from './resumed-events.js'
import { type Line, readResumedLines } from './resumed-lines.js'
import { readResumedUpdates, type UpdateEvent } from './resumed-updates.js'

/** The same in two copies of this package, of which an app's bundler may have made one each for two of its parts. */
const CORE = Symbol.for('@colloquy/client')

/** What a client is made of, for what is built on it. */
export const coreOf = (client: Client): Core => {
  const core = (client as { [CORE]?: Core })[CORE]
  if (!core) throw new TypeError('`client` has to be made by createClient().')
  return core
}

/** Streams an operation's events. A turn that fails is thrown; what its `error` event says is in the error. */
async function* stream(
  core: Core,
  id: OperationId,
  params: Params,
  given: RequestOptions,
): AsyncGenerator<StreamEvent, void> {
  const { signal } = given
  const options = { ...given, idempotencyKey: given.idempotencyKey ?? newKey() }
  let turn: Turn | undefined
  const events = readResumedEvents({
    retries: options.retries ?? core.retries,
    silenceMs: core.silenceMs,
    disconnect: signal,
    connect: (after) =>
      core.open(id, params, {
        ...options,
        lastEventId: operationOf(id).key ? undefined : (after ?? options.lastEventId),
      }),
    resume: (turn_id, after) => core.open('streamTurn', { turn_id }, { ...options, lastEventId: after }),
    onTurn(named) {
      turn = named
    },
  })
  for await (const event of events) {
    if (event.type === 'error') throw failureOf(event.errorText, turn)
    yield event
  }
  signal?.throwIfAborted()
}

/** The lines of an operation, of which each has the cursor to go on with. */
const lines = (
  core: Core,
  id: OperationId,
  params: Params,
  options: RequestOptions,
): AsyncGenerator<Line, void> =>
  readResumedLines({
    connect: (cursor) => core.open(id, { ...params, cursor }, options),
    cursor: params.cursor as string | undefined,
    retries: options.retries ?? core.retries,
    silenceMs: core.silenceMs,
    signal: options.signal,
  })

/** The updates of an operation that takes no parameters, but what is for clients that do not reconnect. */
const updates = (core: Core, id: OperationId, options: RequestOptions): AsyncGenerator<UpdateEvent, void> =>
  readResumedUpdates({
    connect: (lastEventId) => core.open(id, {}, { ...options, lastEventId }),
    lastEventId: options.lastEventId,
    retries: options.retries ?? Number.POSITIVE_INFINITY,
    silenceMs: core.silenceMs,
    signal: options.signal,
  })

/** A DELETE whose answer was lost finds nothing when it is repeated: it has done its work. */
const isDone = (id: OperationId, attempts: number, error: unknown): boolean =>
  attempts > 1 &&
  operationOf(id).method === 'DELETE' &&
  error instanceof ColloquyError &&
  error.status === 404

const discard = async (
  core: Core,
  id: OperationId,
  params: Params,
  options: RequestOptions,
): Promise<void> => {
  let attempts = 0
  const beforeSend = () => {
    attempts += 1
  }
  try {
    await core.request(id, params, { ...options, beforeSend }, async ({ close }) => close())
  } catch (error) {
    if (!isDone(id, attempts, error)) throw error
  }
}

const call = (core: Core, id: OperationId, params: Params = {}, options: RequestOptions = {}): unknown => {
  const json = (page: Params = {}) =>
    core.request(id, { ...params, ...page }, options, (connection) => readJson(connection, options.signal))
  switch (operationOf(id).answer) {
    case 'stream':
      return stream(core, id, params, options)
    case 'updates':
      return updates(core, id, { ...params, ...options })
    case 'lines':
      return lines(core, id, params, options)
    case 'document':
      return core.request(id, params, options, (connection) => readDocument(connection, options.signal))
    case 'page':
      return new List((cursor) => json(cursor === undefined ? {} : { cursor }) as Promise<Page<unknown>>)
    case 'json':
      return json()
    case 'none':
      return discard(core, id, params, options)
  }
}

/** Makes a client for one user. It has a method for every operation of the contract, by its operationId. */
export const createClient = (options: ClientOptions): Client => {
  const core = createCore(options)
  const methods = Object.keys(operations).map((key) => {
    const id = key as OperationId
    return [id, (params?: Params, given?: RequestOptions) => call(core, id, params, given)] as const
  })
  return Object.freeze({ ...Object.fromEntries(methods), [CORE]: core }) as unknown as Client
}
