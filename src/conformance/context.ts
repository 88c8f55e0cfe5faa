import { toRequest } from './build-request.js'
import {
  type CallOptions,
  type Context,
  Failure,
  type Judged,
  type StreamEvent,
  type TurnIds,
  type User,
} from './check.js'
import { type Exchange, exchange as exchangeOver, type WireRequest } from './client.js'
import type { Operation } from './contract.js'
import { createLedger, type Ledger } from './ledger.js'
import { onceFor } from './once-for.js'
import { parseJson } from './parse-json.js'
import { withinLimits } from './rate-limit.js'
import { createResponseJudge, mediaTypeOf } from './rules/response-rules.js'
import { hasNoEnd, shortMessage } from './samples.js'

export interface Settings
  extends Pick<Context, 'contract' | 'url' | 'a' | 'b' | 'seed' | 'runs' | 'mayErase' | 'signal'> {
  /** the time for one exchange */
  timeoutMs: number
}

/** What runs the checks, and what they have done so far. */
export interface RunContext extends Context {
  ledger: Ledger
  requests(): number
  /** how many of them were of each operation */
  requestsOf: Map<string, number>
  /** how often each operation has answered with each status: `createTurn 200` */
  seen: Map<string, number>
}

/**
 * How long a request that is under way may take when the run is interrupted. What it makes has to be known, to be deleted.
 */
const graceMs = 3_000

/** Aborts a while after the other. */
const delayed = (signal: AbortSignal): AbortSignal => {
  const controller = new AbortController()
  const abort = () => setTimeout(() => controller.abort(signal.reason), graceMs).unref()
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return controller.signal
}

const maxBytes = 4 * 1024 * 1024

const readEvents = ({ response }: Exchange): StreamEvent[] =>
  (response?.frames ?? [])
    .filter(({ data }) => data !== '[DONE]')
    .map(({ id, data }) => ({ ...(parseJson(data) as object), frameId: id ?? '' }) as StreamEvent)

const toJudged = (operation: Operation, done: Exchange): Judged => {
  const { status = 0, headers = {}, text = '' } = done.response ?? {}
  const isJson = done.response && /json$/.test(mediaTypeOf(done.response))
  return {
    ...done,
    operation,
    status,
    headers,
    json: isJson ? parseJson(text) : undefined,
    events: readEvents(done),
  }
}

export const createContext = (settings: Settings): RunContext => {
  const { contract, url, a, signal, timeoutMs } = settings
  const judge = createResponseJudge(contract)
  const ledger = createLedger()
  const seen = new Map<string, number>()
  const mark = `conformance-${Date.now().toString(36)}${settings.seed.toString(36)}`
  const requestsOf = new Map<string, number>()
  const cut = delayed(signal)
  let requests = 0

  const exchange = async (request: WireRequest, onFrame?: CallOptions['onFrame']): Promise<Exchange> => {
    signal.throwIfAborted()
    requests += 1
    return exchangeOver(request, { timeoutMs, maxBytes, signal: cut, ...(onFrame && { onFrame }) })
  }

  const attempt = async (operation: Operation, options: CallOptions): Promise<Judged> => {
    const onFrame = options.onFrame ?? (hasNoEnd(operation) ? () => true : undefined)
    const done = await exchange(toRequest(url, a, operation, options), onFrame)
    ledger.record(operation, options.as ?? a, done)
    signal.throwIfAborted()
    requestsOf.set(operation.id, (requestsOf.get(operation.id) ?? 0) + 1)
    const [first, ...others] = judge.operation(operation, done)
    if (first) {
      const messages = [first, ...others].map(({ message }) => message)
      throw new Failure([...new Set(messages)].slice(0, 5).join('; '), first.promise, done)
    }
    const judged = toJudged(operation, done)
    const name = `${operation.id} ${judged.status}`
    seen.set(name, (seen.get(name) ?? 0) + 1)
    return judged
  }

  const callNow: Context['call'] = async (named, options = {}) => {
    const operation = typeof named === 'string' ? contract.operation(named) : named
    const expected = [options.expect ?? []].flat()
    const once = () => attempt(operation, options)
    const judged = await (expected.includes(429) ? once() : withinLimits(once, signal))
    if (expected.length > 0 && !expected.includes(judged.status)) {
      const code = judged.json?.code ? ` ${judged.json.code}` : ''
      const reason = options.because ? `: ${options.because}` : ''
      throw new Failure(
        `the status is ${judged.status}${code}, not ${expected.join(' or ')}${reason}`,
        `${operation.id} ${expected[0]}`,
        judged,
      )
    }
    return judged
  }

  const call: Context['call'] = (named, options) => {
    const judged = callNow(named, options)
    // A check that sends several at once may fail by one of them before it waits for the others.
    judged.catch(() => {})
    return judged
  }

  const conversation = async (user: User = a): Promise<string> => {
    const { json } = await call('createConversation', {
      as: user,
      body: { metadata: { conformance: mark } },
      expect: 201,
    })
    return json.id
  }

  const turnOf = onceFor(async (user: User): Promise<TurnIds> => {
    const body = { conversation_id: await conversation(user), message: shortMessage }
    const { json } = await call('createTurn', { as: user, body, expect: 200 })
    return json
  })

  return {
    ...settings,
    judgeRefusal: judge.refusal,
    ledger,
    mark,
    seen,
    requests: () => requests,
    requestsOf,
    call,
    send: ({ path, ...request }) => withinLimits(() => exchange({ ...request, url: url + path }), signal),
    conversation,
    turn: (user = a) => turnOf(user),
  }
}
