import type { Database } from '../db/database.js'
import type { Model } from '../models/model.js'
import type { ToolSource } from '../tools/tool.js'
import type { Channel, TurnEnd } from './channel.js'
import type { Frame } from './follow.js'
import type { ToolLimits } from './steps.js'

/** What a conversation is called: after its first message, or, when that is answered, as the model says. */
export type TitleMaker = 'message' | 'model'

export interface TurnLimits extends ToolLimits {
  /** how long a turn may take, from its begin to its stored end */
  turnTimeoutMs: number
  /** how long a message waits for another turn of its conversation, or a retry for the turn of its key */
  busyWaitMs: number
  /** how long a turn is believed alive after its instance was last heard of */
  leaseMs: number
  historyMessages: number
  /** what a model gets besides its answer: system prompt, tools, earlier turns and the message */
  historyTokens: number
  /** the same for models that get another number, by name */
  modelHistoryTokens?: Readonly<Record<string, number>>
}

export interface TurnsOptions extends TurnLimits {
  db: Database
  /** who answers when a message asks for nobody */
  model: Model
  /** whom else a message may ask for */
  otherModels?: readonly Model[]
  systemPrompt: string | undefined
  /** where the models' tools come from; undefined: they have none */
  tools?: ToolSource | undefined
  /** what new conversations are called after; their first message, unless told */
  titles?: TitleMaker | undefined
  /** makes a UUIDv7 */
  newId: () => string
  /** how long a stream may be silent */
  heartbeatMs: number
  log: { warn(fields: object, text: string): void }
}

export interface SendMessage {
  userId: string
  /** undefined begins a new conversation */
  conversationId: string | undefined
  message: string
  /** the name of the model that is to answer; undefined leaves it to the server */
  model: string | undefined
  /** the client's Idempotency-Key, unquoted */
  key: string | undefined
}

/** A turn that is read from now on; `leave` when nobody waits for it any more. */
export interface OpenTurn {
  channel: Channel
  leave(): void
}

/** What became of a message. `replayed` says that an earlier request made the turn, which may still run. */
export type Sent =
  | ({ kind: 'turn'; replayed: boolean } & OpenTurn)
  | { kind: 'busy'; conversationId: string; turnId: string }
  | { kind: 'not-found' | 'mismatch' | 'shutting-down' }
  | { kind: 'unknown-model'; known: string[] }

/** What a turn came to; `key-in-use` when it still runs at the end of the bounded wait. */
export type Outcome = Exclude<TurnEnd, { kind: 'superseded' }> | { kind: 'key-in-use' }

export interface Turns {
  /** Begins one turn, or finds that of its key. A turn runs to its stored end, whether or not anybody reads it. */
  send(message: SendMessage): Promise<Sent>
  /** Waits for a turn's outcome: without a bound for the attempt that this request began, else as long as busyWaitMs. */
  wait(sent: Extract<Sent, { kind: 'turn' }>): Promise<Outcome>
  /** Opens a turn to be read, wherever it runs; undefined when there is no such turn. */
  open(userId: string, turnId: string): Promise<OpenTurn | undefined>
  /** The frames of an open turn past the one with the id `after`; leaves it at the end, or when the signal aborts. */
  read(turn: OpenTurn, after: string | undefined, signal: AbortSignal): AsyncIterable<readonly Frame[]>
  /** Stops a turn, wherever it runs, and waits a moment for its end; false when there is no such turn. */
  cancel(userId: string, turnId: string): Promise<boolean>
  /** Refuses new turns and those that wait, lets the running ones end, and after `graceMs` interrupts and stores them. */
  drain(graceMs: number): Promise<void>
}
