import type { Database } from '../../db/database.js'
import type { Continuation, ToolCall } from '../../models/model.js'
import type { Answer } from '../events.js'
import type { TurnErrorCode } from '../turn-errors.js'
import type { EndStatus } from '../types.js'
import { asJson } from './as-json.js'

/** An entry of end_turns.sql. */
export interface EndTurn {
  userId: string
  turnId: string
  attempt: number
  model: string
  status: EndStatus
  answer: Answer
  /** in microunits; null when it is not known */
  cost: number | null
  errorCode: TurnErrorCode | null
  /** the turn's share of a history window */
  windowTokens: number
  /** its tool calls as later turns see them; null when they are the same */
  historyCalls: ToolCall[] | null
  /** what the model's provider wants to see again; null when that is nothing, or too much */
  continuation: Continuation | null
  /** the whole window of the model, in tokens, and where in the conversation it began; null when it has not moved */
  windowSize: number
  windowStart: number | null
  /** false when no heartbeat has stored any */
  hasEvents: boolean
}

/** A result of end_turns.sql, which documents the outcomes. */
export interface Ended {
  outcome: 'stored' | 'fenced' | 'not-found' | 'locked'
}

const toEntry = ({ answer, ...turn }: EndTurn) => ({
  user_id: turn.userId,
  turn_id: turn.turnId,
  attempt: turn.attempt,
  model: turn.model,
  status: turn.status,
  content: answer.text,
  tool_calls: answer.tool_calls,
  window_tokens: turn.windowTokens,
  history_calls: turn.historyCalls,
  reasoning: answer.reasoning.length > 0 ? answer.reasoning : null,
  continuation: turn.continuation,
  window_size: turn.windowSize,
  window_start: turn.windowStart,
  input_tokens: answer.usage.input_tokens,
  output_tokens: answer.usage.output_tokens,
  cached_input_tokens: answer.usage.cached_input_tokens,
  reasoning_tokens: answer.usage.reasoning_tokens,
  total_tokens: answer.usage.total_tokens,
  cost: turn.cost,
  error_code: turn.errorCode,
  finish_reason: turn.status === 'completed' ? answer.finish_reason : null,
  has_events: turn.hasEvents,
})

/** Ends turns in one round trip: stores their statuses, answers and usage. */
export const endTurns = async (
  db: Database,
  turns: readonly EndTurn[],
  mayWait: boolean,
): Promise<Ended[]> => {
  const rows = await db.statement(
    (sql) => sql<({ entry: number } & Ended)[]>`
      select entry, outcome
      from colloquy.end_turns(p_entries => ${asJson(sql, turns.map(toEntry))}, p_may_wait => ${mayWait},
          p_user_id => ${turns[0]?.userId ?? ''})
      order by entry`,
  )
  return [...rows]
}
