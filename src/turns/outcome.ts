import type { Database } from '../db/database.js'
import type { Usage } from '../models/model.js'
import type { EndStatus, TurnError } from './complete.js'
import type { ToolCall } from './fold.js'

/** How a turn ended, as it is stored. */
export interface StoredOutcome {
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
}

/** The stored end of a turn; undefined when there is no such turn, or none that has ended. */
export const readOutcome = async (
  db: Database,
  userId: string,
  turnId: string,
): Promise<StoredOutcome | undefined> => {
  const [outcome] = await db.asUser(
    userId,
    (sql) => sql<StoredOutcome[]>`
      select t.status, t.conversation_id, t.id as turn_id, t.user_message_id, t.message_id,
        m.content as response, m.tool_calls, t.model,
        json_build_object(
          'input_tokens', t.input_tokens, 'output_tokens', t.output_tokens, 'total_tokens', t.total_tokens
        ) as usage,
        case when t.error_code is not null
          then json_build_object('code', t.error_code, 'detail', t.error_detail)
        end as error
      from colloquy.turns t
      join colloquy.messages m on m.user_id = t.user_id and m.id = t.message_id
      where t.user_id = ${userId} and t.id = ${turnId} and t.status <> 'running'`,
  )
  return outcome
}
