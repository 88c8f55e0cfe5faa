/** What a model has used; null where that is not known. The cost is in microunits of the currency of the prices. */
export interface ModelUse {
  model: string
  usage: {
    input_tokens: number | null
    output_tokens: number | null
    cached_input_tokens: number | null
    reasoning_tokens: number | null
  }
  cost: number | null
}

/**
 * How an attempt ended here. Besides the statuses of a turn: `lost`, another instance has ended it or begun another attempt;
 * `deleted`, together with its conversation; `not_stored`, the database was away until the deadline.
 */
export type TurnOutcome =
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'interrupted'
  | 'lost'
  | 'deleted'
  | 'not_stored'

export interface TurnWatch {
  /** The model has said something. */
  event(): void
  ended(end: ModelUse & { outcome: TurnOutcome; code: string | null | undefined }): void
}

export interface TickWatch {
  /** `entries`: the turns or users that it was for; `events`: those that it has stored or told. */
  done(entries: number, events: number): void
  failed(): void
}

export interface TransactionWatch {
  /** It has got a connection. */
  connected(): void
  /** It waits for the database. */
  roundTrip(): void
  ended(): void
  /** The database could not be reached, or was late. */
  unavailable(): void
}

/** `not_called`: its arguments were refused before, or a limit was reached; `cut_off`: its turn ended before it. */
export type ToolOutcome = 'ok' | 'error' | 'timeout' | 'failed' | 'replayed' | 'not_called' | 'cut_off'

interface ToolCallEnd {
  /** the name of its server in the configuration; undefined: no tool has this name */
  server: string | undefined
  tool: string
  outcome: ToolOutcome
  /** undefined when it was not made */
  seconds: number | undefined
}

/**
 * Where a read that may be a replica's was answered: there, or by the primary, and then why. `unobserved`: this instance has not asked
 * the primary for a while, and so does not know how far a replica has to be; `not_found`: the replica did not have it.
 */
export type ReadOutcome =
  | 'replica'
  | 'no_token'
  | 'unobserved'
  | 'behind'
  | 'not_found'
  | 'conflict'
  | 'slow'
  | 'error'
  | 'lagging'
  | 'unavailable'
  | 'not_standby'
  | 'paused'

/** The numbers that are read when somebody asks, and whether they have a label. */
export type Gauge =
  | 'running_turns'
  | 'waiting_messages'
  /** by operation */
  | 'open_streams'
  /** by kind of batch */
  | 'batch_waiting_entries'
  /** by state */
  | 'database_connections'
  | 'database_connections_limit'
  /** by queue */
  | 'database_waiting_requests'

/**
 * What the rooms tell of their work. They tell it always: `noMetrics` hears it where nobody asks. Which series this makes,
 * and which labels they may have, prometheus.ts decides.
 */
export interface Metrics {
  /** Has a number read whenever somebody asks. */
  gauge(name: Gauge, read: () => number, label?: string): void
  /** An attempt begins to run here. */
  turn(): TurnWatch
  /** A model was asked besides the turns. */
  use(purpose: 'title' | 'summary', use: ModelUse): void
  /** A turn whose instance was not heard of has ended, without it. */
  leaseExpired(): void
  /** A batch leaves. Call the result when it is answered. */
  batch(kind: 'begin' | 'end' | 'wait', entries: number): () => void
  /** The next tick is due in `inMs`. */
  tick(kind: 'turns' | 'updates', inMs: number): TickWatch
  /** A transaction begins, and waits for a connection first. */
  transaction(kind: 'user' | 'login' | 'turns' | 'others' | 'probes' | 'replica'): TransactionWatch
  toolCall(end: ToolCallEnd): void
  /** Something was read that a replica may answer, where there is one. */
  read(outcome: ReadOutcome): void
  /** A request is answered. `operation`: undefined for what is none; `code`: of the problem that it got. */
  request(answer: {
    operation: string | undefined
    status: number
    code: string | null
    seconds: number
  }): void
}

const nothing = (): void => {}
const noTurn: TurnWatch = { event: nothing, ended: nothing }
const noTick: TickWatch = { done: nothing, failed: nothing }
const noTransaction: TransactionWatch = {
  connected: nothing,
  roundTrip: nothing,
  ended: nothing,
  unavailable: nothing,
}

/** Hears everything, and keeps nothing. */
export const noMetrics: Metrics = {
  gauge: nothing,
  turn: () => noTurn,
  use: nothing,
  leaseExpired: nothing,
  batch: () => nothing,
  tick: () => noTick,
  transaction: () => noTransaction,
  toolCall: nothing,
  read: nothing,
  request: nothing,
}

/** What a scraper gets. */
export interface Exposition {
  contentType: string
  read(): Promise<string>
}
