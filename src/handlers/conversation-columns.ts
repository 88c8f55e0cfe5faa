import type { components } from '../../generated/contract.js'
import type { Sql } from '../db/database.js'

export type Conversation = components['schemas']['Conversation']

/** The contract's conversation, from a row `c` of colloquy.conversations. */
export const conversationColumns = (sql: Sql) => sql`
  c.id, c.title, c.archived, c.metadata, c.message_count,
  (
    select t.id
    from colloquy.turns t
    where t.user_id = c.user_id and t.id = c.running_turn_id and t.lease_until >= colloquy.clock()
  ) as running_turn_id,
  c.created_at, c.updated_at, c.last_turn_at`
