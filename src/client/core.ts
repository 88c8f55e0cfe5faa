import { operations } from '../../generated/client.js'
import { type Call, type CallerOptions, type Connection, createCaller } from './call.js'
import { ANY_TYPE } from './problem.js'
import { createRetryPolicy, retryWith } from './retry-policy.js'

export interface ClientOptions extends CallerOptions {
  /** the server's URL, such as `https://chat.example.com`; the page's own origin by default */
  url?: string | URL
  /** the id in your login's tokens */
  userId: string
  /** how often in a row a failed request or a lost connection is tried again, after 250 ms, 500 ms … up to 4 s; 6 by default */
  retries?: number
  /** how long a stream may be silent before it counts as lost; 40 s by default, because the server sends a comment every 15 s */
  silenceMs?: number
  fetch?: typeof fetch
}

export interface RequestOptions {
  /** Aborts the request, its retries and its stream, which then reject with the signal's reason. */
  signal?: AbortSignal | undefined
  headers?: ConstructorParameters<typeof Headers>[0]
  /** for operations that take one; a new one by default, the same for all retries */
  idempotencyKey?: string | undefined
  /** for a stream: the id of the last event that was seen */
  lastEventId?: string | undefined
  /** how long the response may take to begin; 90 s by default, and 10 minutes for createTurn */
  timeoutMs?: number | undefined
  /** how often this request is tried again */
  retries?: number | undefined
}

/** Options that only the client itself uses, too. */
export type SendOptions = RequestOptions & Pick<Call, 'beforeSend'>

export type OperationId = keyof typeof operations
export type Params = Record<string, unknown>

interface Operation {
  method: string
  path: string
  query?: readonly string[]
  body?: string
  key?: true
  open?: true
  answer: 'json' | 'page' | 'stream' | 'updates' | 'lines' | 'document' | 'none'
}

export const operationOf = (id: OperationId): Operation => operations[id]

const JSON_TYPE = 'application/json'
/** The media type of what is answered with something else than JSON. */
const ACCEPTED: Partial<Record<Operation['answer'], string>> = {
  stream: 'text/event-stream',
  updates: 'text/event-stream',
  lines: 'application/x-ndjson',
  document: ANY_TYPE,
}
/** A turn may run for minutes before its answer begins. */
const TURN_MS = 600_000

/** A key that no other request has; not every page has randomUUID, which wants HTTPS. */
export const newKey = (): string =>
  crypto.randomUUID?.() ??
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  )

const toQuery = (params: Params, names: readonly string[]): string => {
  const query = new URLSearchParams()
  for (const name of names) {
    const value = params[name]
    if (value === undefined || value === null) continue
    if (typeof value !== 'object' || Array.isArray(value)) query.set(name, String(value))
    else for (const [key, item] of Object.entries(value)) query.set(`${name}[${key}]`, String(item))
  }
  const text = String(query)
  return text && `?${text}`
}

/** Fills in the path's parameters, and takes them away from the others. */
const toPath = (id: OperationId, path: string, params: Params): string =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name]
    delete params[name]
    // A URL has its `.` and `..` removed, and would lead to another operation.
    if (typeof value !== 'string' || /^\.{0,2}$/.test(value)) {
      throw new TypeError(`${id}: \`${name}\` has to be an id.`)
    }
    return encodeURIComponent(value)
  })

const toBody = (id: OperationId, { body: type }: Operation, { file, ...rest }: Params): Call['body'] => {
  if (type === ACCEPTED.lines) return file as Call['body']
  if (file !== undefined) rest.file = file
  if (type === JSON_TYPE) return JSON.stringify(rest)
  const name = Object.keys(rest).find((name) => rest[name] !== undefined)
  if (name !== undefined) throw new TypeError(`${id} has no parameter \`${name}\`.`)
  return undefined
}

/** Turns the parameters of an operation into its request. */
const toCall = (id: OperationId, params: Params, options: SendOptions): Call => {
  const operation = operationOf(id)
  const { method, query = [], body: type, key, open = false, answer } = operation
  const rest = { ...params }
  const path = toPath(id, operation.path, rest) + toQuery(rest, query)
  for (const name of ['user_id', ...query]) delete rest[name]
  const body = toBody(id, operation, rest)
  const headers = new Headers(options.headers)
  if (type !== undefined) headers.set('content-type', type)
  if (key) headers.set('idempotency-key', options.idempotencyKey ?? newKey())
  if (options.lastEventId !== undefined) headers.set('last-event-id', options.lastEventId)
  return {
    method,
    path,
    headers,
    ...(body !== undefined && { body }),
    accept: ACCEPTED[answer] ?? JSON_TYPE,
    isOpen: open,
    timeoutMs: options.timeoutMs ?? (key && answer === 'json' ? TURN_MS : undefined),
    signal: options.signal,
    beforeSend: options.beforeSend,
  }
}

/** Whether an operation, done twice, is the same as done once. What POST makes a row with needs a key for that. */
const isRepeatable = ({ method, key, body }: Operation): boolean =>
  method !== 'POST' || key === true || body === undefined

export type Core = ReturnType<typeof createCore>

/** What all operations of a client have in common. */
export const createCore = ({ userId, retries = 6, silenceMs = 40_000, ...options }: ClientOptions) => {
  const open = createCaller(options)
  return {
    retries,
    silenceMs,
    /** Sends one request, without retries. */
    open: async (id: OperationId, params: Params, options: SendOptions = {}): Promise<Connection> =>
      open(toCall(id, { ...params, user_id: userId }, options)),
    /** Sends a request, repeats it where that is safe, and gives what `read` makes of the response. */
    async request<T>(
      id: OperationId,
      params: Params,
      options: SendOptions,
      read: (connection: Connection) => Promise<T>,
    ): Promise<T> {
      const call = toCall(id, { ...params, user_id: userId }, options)
      const policy = createRetryPolicy({
        retries: options.retries ?? retries,
        isRepeatable: isRepeatable(operationOf(id)),
      })
      return retryWith(policy, async () => read(await open(call)), options.signal)
    },
  }
}
