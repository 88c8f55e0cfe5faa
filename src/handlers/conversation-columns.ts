import type { components } from '../../generated/closed/contract.js'
import type { Sql } from '../db/database.js'

export type Conversation = components['schemas']['Conversation']

// Each table is told the user by name, and not by a join alone: so Citus sends the whole query to the user's node.

/** The contract's conversation, selected from a row `c` of colloquy.conversations and its last turn `t`. */
export const conversationColumns = (sql: Sql, userId: string) => sql`
  c.id, c.title, c.archived, c.pinned, c.metadata, c.assistant, c.expires_at,
  c.last_position - case when t.status = 'running' then 1 else 0 end as message_count,
  case when t.lease_until >= colloquy.clock() then t.id end as running_turn_id,
  case
    -- The active branch ends with the last turn, unless another one was chosen.
    when t.id is not null and (c.active_path is null or upper_inf(c.active_path))
    then case when t.status = 'running' then t.user_message_id else t.message_id end
    else (
      select m.id
      from colloquy.messages m
      where m.user_id = ${userId} and m.conversation_id = c.id and m.role <> 'summary'
        and m.position < coalesce(upper(c.active_path), c.last_position + 1)
      order by m.position desc
      limit 1
    )
  end as active_message_id,
  c.created_at, greatest(c.updated_at, t.finished_at) as updated_at, c.last_turn_at`

/** Whether the conversation of a row with this alias is still there. */
export const inLiveConversation = (sql: Sql, alias: 'm' | 't', userId: string) => sql`
  exists (
    select
    from colloquy.conversations c
    where c.user_id = ${userId} and c.id = ${sql(alias)}.conversation_id and colloquy.is_live(c.expires_at))`

/** Joins the last turn of `c` as `t`. */
export const joinLastTurn = (sql: Sql, userId: string) =>
  sql`left join colloquy.turns t on t.user_id = ${userId} and t.id = c.last_turn_id`
