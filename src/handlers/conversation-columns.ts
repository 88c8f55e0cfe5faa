import type { components } from '../../generated/closed/contract.js'
import type { Sql } from '../db/database.js'

export type Conversation = components['schemas']['Conversation']

/** The contract's conversation, selected from a row `c` of colloquy.conversations and its last turn `t`. */
export const conversationColumns = (sql: Sql) => sql`
  c.id, c.title, c.archived, c.metadata,
  c.last_position - case when t.status = 'running' then 1 else 0 end as message_count,
  case when t.lease_until >= colloquy.clock() then t.id end as running_turn_id,
  c.created_at, greatest(c.updated_at, t.finished_at) as updated_at, c.last_turn_at`

/** Joins the last turn of `c` as `t`. */
export const joinLastTurn = (sql: Sql) =>
  sql`left join colloquy.turns t on t.user_id = c.user_id and t.id = c.last_turn_id`
