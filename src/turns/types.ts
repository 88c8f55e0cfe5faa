import type { FinishReason, PastTurn, ToolCall, Usage } from '../models/model.js'
import type { Reasoning, TurnEvent } from './events.js'
import type { TurnError } from './turn-errors.js'

/** How a conversation gets its title: from its first message, or from the model once that message is answered. */
export type TitleMaker = 'message' | 'model'

export interface ToolLimits {
  /** maximum number of model calls in a turn; the last one gets no tools */
  toolSteps: number
  /** maximum number of tool calls in a turn */
  toolCalls: number
  /** how long a call may take */
  toolTimeoutMs: number
}

export interface TurnLimits extends ToolLimits {
  /** how long a turn may take, from its beginning to its stored end */
  turnTimeoutMs: number
  /** how long a message waits for another turn of its conversation, or a retry for its key's turn */
  busyWaitMs: number
  /** how long a turn counts as running after its instance's last heartbeat */
  leaseMs: number
  historyMessages: number
  /** the budget for a model's input: system prompt, tools, earlier turns and the message */
  historyTokens: number
  /** the same for single models, by name */
  modelHistoryTokens?: Readonly<Record<string, number>>
}

/** A past turn as history_window.sql gives it. */
export interface WindowTurn extends PastTurn {
  /** of its first message */
  position: number
  tokens: number
}

/** The rest of what history_window.sql tells of a conversation's window. */
export interface WindowState {
  /** of the message that begins the turn */
  position: number
  /** where the window has begun so far; null when it has not moved since the conversation's first message */
  start: number | null
  /** whether the history has all turns from there on */
  is_whole: boolean
  /** sums up the conversation up to the position `through` */
  summary: { text: string; tokens: number; through: number } | null
}

/** Where a turn begins, when that is not at the end of the active branch; see place_turn.sql. */
export interface Place {
  /** `start`: before all messages; `after` an answer; `again`: as another answer to a question, given by itself or by an answer to it */
  kind: 'start' | 'after' | 'again'
  /** undefined for `start` */
  messageId?: string
}

/** The ids of a turn, generated before it begins, so that a repeated begin writes nothing twice. */
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

/** A turn's key in in-memory maps. */
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
  reasoning: Reasoning[]
  /** null unless the turn completed */
  finish_reason: FinishReason | null
  model: string
  usage: Usage
  error: TurnError | null
  /** seconds; not stored, so known only right after the run on this instance */
  retryAfter?: number
}

/** A turn as stored: the end of its last attempt, or that attempt's events so far. */
export interface StoredTurn {
  ids: AttemptIds
  /** undefined while the attempt runs */
  end: StoredEnd | undefined
  events: TurnEvent[]
  /** whether its conversation has expired, and nobody is to find it any more */
  isExpired: boolean
}

/** What became of an attempt, for everything that waits for it. Only `ended` means that its end is stored. */
export type Fate =
  | { kind: 'ended'; end: StoredEnd }
  /** another attempt of the turn has begun: open the turn again */
  | { kind: 'superseded' }
  /** the turn was deleted together with its conversation */
  | { kind: 'not-found' }
  /** the end could not be stored or read: read the turn again */
  | { kind: 'not-stored' }
  /** this instance is shutting down, and the attempt continues on another one */
  | { kind: 'handed-over' }

/** The fate of an attempt that no longer runs, from the turn as now stored. */
export const fateOf = (stored: StoredTurn | undefined, attempt: number): Fate => {
  if (!stored) return { kind: 'not-found' }
  // Another attempt's end is not this one's, whose readers have seen different text.
  if (stored.ids.attempt !== attempt || !stored.end) return { kind: 'superseded' }
  return { kind: 'ended', end: stored.end }
}
