import type { Database } from '../../db/database.js'
import type { PastTurn, ToolCall } from '../../models/model.js'
import type { TurnIds } from '../types.js'
import { asJson } from './as-json.js'

/** What begin_turns.sql reads of an entry. */
export interface BeginTurn extends TurnIds {
  userId: string
  isNewConversation: boolean
  message: string
  /** what a new conversation is called */
  title: string
  /** who answers, unless the key's turn has a model already */
  model: string
  leaseMs: number
  historyMessages: number
  historyTokens: number
  /** hexadecimal hashes of the client's Idempotency-Key and of what a request with the same key has to repeat */
  idempotency?: { keyHash: string; fingerprint: string } | undefined
}

/** What begin_turns.sql says, which explains the outcomes. */
export type Begun =
  | { outcome: 'not-found' | 'mismatch' | 'locked' }
  | { outcome: 'ended'; conversation_id: string; turn_id: string }
  /** `is_lapsed`: nobody has renewed the lease of the turn that runs */
  | { outcome: 'busy' | 'attached'; conversation_id: string; turn_id: string; is_lapsed: boolean }
  | {
      outcome: 'begun'
      conversation_id: string
      turn_id: string
      user_message_id: string
      message_id: string
      attempt: number
      /** that of the turn's first attempt */
      model: string
      history: PastTurn[]
      /** those that former attempts made and that are not to be made again, in order */
      done_calls: ToolCall[]
    }

const toEntry = (turn: BeginTurn) => ({
  user_id: turn.userId,
  conversation_id: turn.conversationId,
  is_new: turn.isNewConversation,
  turn_id: turn.turnId,
  user_message_id: turn.userMessageId,
  message_id: turn.messageId,
  message: turn.message,
  title: turn.isNewConversation ? turn.title : undefined,
  model: turn.model,
  lease_ms: turn.leaseMs,
  history_messages: turn.historyMessages,
  history_tokens: turn.historyTokens,
  key_hash: turn.idempotency?.keyHash,
  fingerprint: turn.idempotency?.fingerprint,
})

const isTakenId = (error: unknown): boolean =>
  // On Citus a constraint's name ends with the number of its shard.
  /^turns_pkey(_\d+)?$/.test(String((error as { constraint_name?: unknown }).constraint_name))

/** Begins turns in one round trip: takes their conversations, writes keys and messages, reads the history windows. */
export const beginTurns = async (
  db: Database,
  turns: readonly BeginTurn[],
  mayWait: boolean,
): Promise<Begun[]> => {
  try {
    const rows = await db.statement(
      (sql) => sql<({ entry: number } & Begun)[]>`
        select entry, outcome, conversation_id, turn_id, user_message_id, message_id, attempt, model, history,
          done_calls, is_lapsed
        from colloquy.begin_turns(
          p_entries => ${asJson(sql, turns.map(toEntry))}, p_may_wait => ${mayWait})
        order by entry`,
    )
    return [...rows]
  } catch (error) {
    const [turn] = turns
    // The ids are made for one begin. When they are taken, it was stored before, and somebody has ended the turn since.
    if (!turn || turns.length > 1 || !isTakenId(error)) throw error
    return [{ outcome: 'ended', conversation_id: turn.conversationId, turn_id: turn.turnId }]
  }
}
