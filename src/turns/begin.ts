import { createHash } from 'node:crypto'
import type { Database } from '../db/database.js'
import type { PastTurn, ToolCall } from '../models/model.js'

/** The ids of a turn, made before it begins, so that repeating the begin writes nothing twice. */
export interface TurnIds {
  conversationId: string
  turnId: string
  userMessageId: string
  messageId: string
}

export interface BeginTurn extends TurnIds {
  userId: string
  isNewConversation: boolean
  message: string
  /** the client's Idempotency-Key, unquoted */
  key: string | undefined
  /** who answers, unless the key's turn has a model already */
  model: string
  /** what the request asked for by name; undefined leaves it to the server */
  askedModel?: string | undefined
  leaseMs: number
  historyMessages: number
  historyTokens: number
}

/** What begin_turn says; the SQL functions explain the outcomes. */
export type Begun =
  | { outcome: 'not-found' | 'mismatch' }
  | { outcome: 'busy' | 'attached' | 'ended'; conversation_id: string; turn_id: string }
  | {
      outcome: 'begun'
      conversation_id: string
      turn_id: string
      user_message_id: string
      message_id: string
      attempt: number
      history: PastTurn[]
      /** that of the turn's first attempt */
      model: string
      /** those that former attempts made and that are not to be made again, in order */
      done_calls: ToolCall[]
    }

/** The first 80 characters (code points) of a text, without the white space around it. */
export const titleOf = (text: string): string => [...text.trim()].slice(0, 80).join('').trimEnd()

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** What a request with the same key has to repeat: the validated body. What it left out leaves no trace. */
const fingerprintOf = ({ isNewConversation, conversationId, message, askedModel }: BeginTurn): Buffer =>
  sha256(
    JSON.stringify([
      isNewConversation ? null : conversationId,
      message,
      ...(askedModel === undefined ? [] : [askedModel]),
    ]),
  )

/** Takes the conversation, writes the key and the user's message and reads the history window, in one round trip. */
export const beginTurn = async (db: Database, turn: BeginTurn): Promise<Begun> => {
  const key = turn.key === undefined ? null : sha256(turn.key)
  const fingerprint = turn.key === undefined ? null : fingerprintOf(turn)
  const statement = db.statement(
    (sql) => sql<[Begun]>`
      select outcome, conversation_id, turn_id, user_message_id, message_id, attempt, history, model,
        done_calls
      from colloquy.begin_turn(
        ${turn.userId}, ${turn.conversationId}, ${turn.isNewConversation}, ${turn.turnId}, ${turn.userMessageId},
        ${turn.messageId}, ${turn.message}, ${titleOf(turn.message)}, ${turn.model}, ${turn.leaseMs},
        ${turn.historyMessages}, ${turn.historyTokens}, ${key}, ${fingerprint})`,
  )
  try {
    const [row] = await statement
    return row
  } catch (error) {
    // The ids are made for one begin. When they are taken, it was stored before, and somebody has ended the turn since.
    // Where tables are sharded, a constraint's name ends in the shard's number.
    if (!/^turns_pkey(_\d+)?$/.test((error as { constraint_name?: string }).constraint_name ?? ''))
      throw error
    return { outcome: 'ended', conversation_id: turn.conversationId, turn_id: turn.turnId }
  }
}
