import type { components } from '../../generated/contract.js'
import type { Database } from '../db/database.js'
import type { Answer } from './fold.js'

export type EndStatus = 'completed' | 'failed' | 'cancelled' | 'interrupted'

export type TurnError = components['schemas']['TurnError']

export interface CompleteTurn {
  userId: string
  conversationId: string
  turnId: string
  attempt: number
  status: EndStatus
  answer: Answer
  error: TurnError | null
}

/** `gone`: the conversation was deleted meanwhile. `fenced`: another attempt, or another end, came first. */
export type Completed = 'stored' | 'gone' | 'fenced'

/** Ends the turn: its status, the answer's message and the conversation's release, in one round trip. */
export const completeTurn = async (db: Database, turn: CompleteTurn): Promise<Completed> => {
  const { text, tool_calls, usage } = turn.answer
  const [row] = await db.statement(
    (sql) => sql<[{ outcome: Completed }]>`
      select outcome
      from colloquy.complete_turn(
        ${turn.userId}, ${turn.conversationId}, ${turn.turnId}, ${turn.attempt}, ${turn.status}, ${text},
        ${sql.json(tool_calls as never)}, ${sql.json({ ...usage })}, ${turn.error?.code ?? null},
        ${turn.error?.detail ?? null})`,
  )
  return row.outcome
}
