import type { Sql } from '../db/database.js'
import type { RetentionRule } from '../turns/retention-rule.js'
import { asJson } from '../turns/store/as-json.js'

/** An argument p_retention. */
export const ruleOf = (sql: Sql, retention: RetentionRule | undefined) => asJson(sql, retention ?? null)

/** When a conversation expires, from its columns or what is to become of them; see expiry_of.sql. */
export const expiryOf = (
  sql: Sql,
  row: Record<'own' | 'since' | 'pinned' | 'archived', ReturnType<Sql>>,
  retention: RetentionRule | undefined,
) =>
  sql`colloquy.expiry_of(${row.own}, ${row.since}, ${row.pinned}, ${row.archived}, ${ruleOf(sql, retention)})`

/** Sees to it that the conversation that was written as `c` is removed once it has expired; see schedule_removal.sql. */
export const scheduleRemoval = (sql: Sql) => sql`
  insert into colloquy.removals (user_id, conversation_id, remove_at)
  select c.user_id, c.id, c.expires_at
  from c
  where c.expires_at is not null
  on conflict on constraint removals_pkey do update
  set remove_at = excluded.remove_at
  where removals.remove_at > excluded.remove_at`
