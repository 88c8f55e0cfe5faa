import type { Database } from '../db/database.js'
import type { PastTurn } from '../models/model.js'

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
  model: string
  leaseMs: number
  historyMessages: number
  historyTokens: number
}

export type Begun =
  | { outcome: 'begun'; running_turn_id: null; history: PastTurn[] }
  | { outcome: 'busy'; running_turn_id: string; history: PastTurn[] }
  | { outcome: 'not-found'; running_turn_id: null; history: PastTurn[] }

/** The first 80 characters (code points) of the message, without the white space around it. */
const titleOf = (message: string): string => [...message.trim()].slice(0, 80).join('').trimEnd()

/** Takes the conversation, writes the user's message and reads the history window, in one round trip. */
export const beginTurn = async (db: Database, turn: BeginTurn): Promise<Begun> => {
  const [row] = await db.statement(
    (sql) => sql<[Begun]>`
      select outcome, running_turn_id, history
      from colloquy.begin_turn_v1(
        ${turn.userId}, ${turn.conversationId}, ${turn.isNewConversation}, ${turn.turnId}, ${turn.userMessageId},
        ${turn.messageId}, ${turn.message}, ${titleOf(turn.message)}, ${turn.model}, ${turn.leaseMs},
        ${turn.historyMessages}, ${turn.historyTokens})`,
  )
  return row
}
