import type { ToolCall, Usage } from '../models/model.js'
import type { TurnEvent } from './events.js'
import type { TurnError } from './turn-errors.js'

/** What a conversation is called: after its first message, or, when that is answered, as the model says. */
export type TitleMaker = 'message' | 'model'

export interface ToolLimits {
  /** how often a model may be asked in a turn; the last time it has to answer without tools */
  toolSteps: number
  /** how many tool calls a turn may make */
  toolCalls: number
  /** how long a call may take */
  toolTimeoutMs: number
}

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

/** The ids of a turn, made before it begins, so that repeating the begin writes nothing twice. */
export interface TurnIds {
  conversationId: string
  turnId: string
  userMessageId: string
  messageId: string
}

export interface AttemptIds extends TurnIds {
  userId: string
  attempt: number
}

/** A turn's key in the memory of an instance. */
export const turnKey = (userId: string, turnId: string): string => `${userId} ${turnId}`

export type EndStatus = 'completed' | 'failed' | 'cancelled' | 'interrupted'

/** Why the signal of an attempt aborted. */
export type AbortReason = 'timeout' | 'shutdown' | 'cancel' | 'lost'

/** How a turn ended, as it is stored. */
export interface StoredEnd {
  status: EndStatus
  conversation_id: string
  turn_id: string
  user_message_id: string
  message_id: string
  response: string
  tool_calls: ToolCall[]
  model: string
  usage: Usage
  error: TurnError | null
  /** seconds, known only where the turn has just run, and not stored */
  retryAfter?: number
}

/** A turn as it is stored: how its last attempt ended, or what that is known to have said so far. */
export interface StoredTurn {
  ids: AttemptIds
  /** undefined while the attempt runs */
  end: StoredEnd | undefined
  events: TurnEvent[]
}

/** What became of an attempt, for all who wait for it. Only `ended` says that its end is stored. */
export type Fate =
  | { kind: 'ended'; end: StoredEnd }
  /** another attempt of the turn has begun: the turn is to be opened again */
  | { kind: 'superseded' }
  /** the turn was deleted, with its conversation */
  | { kind: 'not-found' }
  /** the end could not be stored or read: the truth is to be asked for again */
  | { kind: 'not-stored' }
  /** this instance shuts down, and the attempt goes on elsewhere */
  | { kind: 'handed-over' }

/** What became of an attempt that runs no more, by what is stored of its turn now. */
export const fateOf = (stored: StoredTurn | undefined, attempt: number): Fate => {
  if (!stored) return { kind: 'not-found' }
  // The end of another attempt is not this one's, whose readers have heard other words.
  if (stored.ids.attempt !== attempt || !stored.end) return { kind: 'superseded' }
  return { kind: 'ended', end: stored.end }
}
