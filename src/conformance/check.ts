import type { Exchange, Frame, WireRequest } from './client.js'
import type { Contract, Operation } from './contract.js'
import type { Fault } from './rules/fault.js'

export interface User {
  id: string
  token: string
}

/** A promise of the contract that the server broke. */
export class Failure extends Error {
  /** where the contract promises something else, such as `createTurn 200` or `StreamEvent` */
  readonly promise: string
  readonly exchange: Exchange | undefined

  /** `message` says what came, in a sentence. */
  constructor(message: string, promise: string, exchange?: Exchange) {
    super(message)
    this.promise = promise
    this.exchange = exchange
  }
}

/** Thrown by a check for what the server gave no occasion to see, with the reason. */
export class NotSeen extends Error {}

export interface CallOptions {
  /** whose token is sent; null for none; user A unless set */
  as?: User | null
  /** path parameters; `user_id` is that of `as` (else A) unless set. They are percent-encoded. */
  path?: Record<string, string>
  /** an array is sent comma-separated, an object as deepObject; a string is sent as it is, after `?` */
  query?: string | Record<string, unknown>
  /** added to the token and the content type; undefined leaves one of those out */
  headers?: Record<string, string | string[] | undefined>
  /** sent as JSON */
  body?: unknown
  /** sent as it is, in place of `body` */
  rawBody?: string | Buffer
  /** HEAD and the like, in place of the operation's own */
  method?: string
  /** true leaves the stream */
  onFrame?(frame: Frame): boolean | undefined
  /** the statuses that the contract promises here; any declared one unless set */
  expect?: number | number[]
  /** a status that is declared, but a surprise: what the failure's message says of the reason */
  because?: string
}

export interface Context {
  contract: Contract
  /** without a slash at its end */
  url: string
  a: User
  b: User
  seed: number
  /** how many generated requests an operation gets */
  runs: number
  /** whether the users may be erased, with all that they have */
  mayErase?: boolean
  /** aborts when the run is interrupted or its time is over */
  signal: AbortSignal
  /** in the metadata, or at the beginning of the title, of every conversation that the checks make */
  mark: string
  /**
   * Calls an operation and judges all of its answer: status, headers, media type, body and stream. Throws Failure. The conversations that
   * it makes are deleted when the run ends.
   */
  call(operation: string | Operation, options?: CallOptions): Promise<Judged>
  /** Sends a request as it is. Nothing is judged; a limit is waited for. */
  send(request: Omit<WireRequest, 'url'> & { path: string }): Promise<Exchange>
  /** What is wrong with a refusal that no operation gives: of an unknown path, or of a method that a path does not have. */
  judgeRefusal(exchange: Exchange, status: number, code: string): Fault[]
  /** A new, empty conversation of the user, which carries the run's mark in its metadata. */
  conversation(user?: User): Promise<string>
  /** The ids of one completed turn of the user: the same one each time it is asked for. */
  turn(user?: User): Promise<TurnIds>
}

export interface TurnIds {
  conversation_id: string
  turn_id: string
  user_message_id: string
  message_id: string
}

/** An exchange whose answer is what the contract says. */
export interface Judged extends Exchange {
  operation: Operation
  status: number
  headers: Record<string, string>
  /** the JSON of the body; undefined when there is none */
  // biome-ignore lint/suspicious/noExplicitAny: what it is depends on the operation and its status
  json: any
  /** the events of a stream, `[DONE]` aside */
  events: StreamEvent[]
}

export interface StreamEvent {
  /** the id of its frame, which `Last-Event-ID` takes */
  frameId: string
  type: string
  [field: string]: unknown
}

export interface Check {
  /** unique, in kebab-case, such as `paging.limit` */
  id: string
  /** what is promised, in a sentence */
  title: string
  /** the operation that it is about, if it is about one */
  operation?: string
  /** Throws Failure or NotSeen. */
  run(context: Context): Promise<void>
}
