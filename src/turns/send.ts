import type { OpenTurn } from './attempts/remote-attempts.js'
import type { LimitRefusal, UserLimits } from './limits.js'
import type { Fate, Place } from './types.js'

export interface SendMessage {
  userId: string
  /** undefined starts a new conversation */
  conversationId: string | undefined
  /** empty when an earlier message is answered again */
  message: string
  /** where in the conversation; undefined: at the end of its active branch */
  place?: Place | undefined
  /** the name of the model; undefined: the default model */
  model: string | undefined
  /** the assistant of a new conversation, or what the conversation's has to be; undefined: the default one, or whatever it is */
  assistant?: string | undefined
  /** of the user's token, for the assistants' prompts */
  claims?: Readonly<Record<string, unknown>> | undefined
  /** the client's Idempotency-Key, unquoted */
  key: string | undefined
  /** what the turn is counted against; undefined: nothing */
  limits?: UserLimits | undefined
}

/** The result of sending a message. `replayed`: an earlier request created the turn, which may still be running. */
export type SendResult =
  | ({ kind: 'turn'; replayed: boolean } & OpenTurn)
  | { kind: 'busy'; conversationId: string; turnId: string }
  | {
      kind: 'not-found' | 'message-not-found' | 'unfit-message' | 'mismatch' | 'shutting-down' | 'overloaded'
    }
  /** it is not the conversation's assistant; or this instance does not know that one */
  | { kind: 'other-assistant' | 'assistant-unavailable' }
  /** a limit of the user's is reached */
  | { kind: 'limited'; refusal: LimitRefusal }
  | { kind: 'unknown-model' | 'unknown-assistant'; known: readonly string[] }

/** The result of waiting for a turn; `key-in-use` when it is still running at the deadline, `overloaded` when too many wait. */
export type WaitResult = Exclude<Fate, { kind: 'superseded' }> | { kind: 'key-in-use' | 'overloaded' }
