import type { Sql } from 'postgres'
import { estimateTokens } from '../../src/turns/agent/history-window.js'
import { message } from './user.js'

/** Seed data: users `<prefix>-000000` and up, each with the same number of conversations and messages. */
export interface Plot {
  prefix: string
  users: number
  /** per user */
  conversations: number
  /** per conversation; an even number */
  messages: number
  /** Only one of so many users gets turns, which take longer to write than to leave out; 1 by default. */
  usersPerTurns?: number
}

/** The approximate number of messages per statement. */
const chunk = 200_000
/** Greater than any position: an id is the conversation's number times this, plus the position. */
const step = 1_000_000

/** Formats a number of up to 16 digits as a valid UUIDv7, keeping the order. */
const idForm = 'FM000000000000"7"000"8"0"00000000000000"'

/**
 * Fills the tables as turns would have, in primary-key order. Foreign keys are not checked, so `sql` has to be a
 * superuser's only connection.
 */
export const seed = async (sql: Sql, plots: Plot[], progress: (text: string) => void): Promise<void> => {
  await sql`set session_replication_role = replica`
  const total = plots.reduce((sum, plot) => sum + plot.users * plot.conversations * plot.messages, 0)
  let done = 0
  let reported = 0
  for (const plot of plots) {
    const conversations = plot.users * plot.conversations
    const several = Math.max(1, Math.floor(chunk / plot.messages))
    for (let first = 0; first < conversations; first += several) {
      const last = Math.min(first + several, conversations) - 1
      await fill(sql, plot, first, last)
      done += (last - first + 1) * plot.messages
      if (done - reported < 1_000_000 && done < total) continue
      reported = done
      progress(`${done.toLocaleString('en-GB')} of ${total.toLocaleString('en-GB')} messages written`)
    }
  }
  await sql`set session_replication_role = default`
  await sql`vacuum (analyze) colloquy.conversations, colloquy.turns, colloquy.messages`
  await sql`checkpoint`
}

/** Writes the plot's conversations with the numbers `first` to `last`. */
const fill = async (sql: Sql, plot: Plot, first: number, last: number): Promise<void> => {
  const { prefix, conversations, messages, usersPerTurns = 1 } = plot
  const user = sql`${prefix}::text || '-' || lpad((c / ${conversations}::bigint)::text, 6, '0')`
  const time = sql`timestamptz '2026-01-01' + c * interval '1 second'`
  const id = (n: ReturnType<Sql>) => sql`to_char(c * ${step}::bigint + ${n}, ${idForm})::uuid`
  const numbers = sql`generate_series(${first}::bigint, ${last}::bigint) c`
  await sql`
    insert into colloquy.conversations (user_id, id, title, last_position, last_turn_id, created_at, updated_at,
      last_turn_at)
    select ${user}, ${id(sql`0`)}, left(${message}::text, 80), ${messages}::int, ${id(sql`${messages / 2}::int`)},
      ${time}, ${time}, ${time}
    from ${numbers}`
  await sql`
    insert into colloquy.turns (user_id, id, conversation_id, position, status, attempt, begun_by, user_message_id,
      message_id, model, created_at, finished_at)
    select ${user}, ${id(sql`t`)}, ${id(sql`0`)}, 2 * t - 1, 'completed', 1, ${id(sql`t`)}, ${id(sql`2 * t - 1`)}, ${id(sql`2 * t`)},
      'echo', ${time}, ${time}
    from ${numbers}, generate_series(1, ${messages / 2}::int) t
    where c / ${conversations}::bigint % ${usersPerTurns} = 0
    order by c, t`
  await sql`
    insert into colloquy.messages (user_id, conversation_id, position, id, turn_id, parent_id, role, status, content,
      window_tokens, created_at)
    select ${user}, ${id(sql`0`)}, p, ${id(sql`p`)}, ${id(sql`(p + 1) / 2`)}, case when p > 1 then ${id(sql`p - 1`)} end,
      case p % 2 when 1 then 'user' else 'assistant' end, 'completed',
      case p % 2 when 1 then '' else 'Echo: ' end || ${message}::text,
      case p % 2 when 1 then 0 else ${estimateTokens(`${message}Echo: ${message}`)}::int end, ${time}
    from ${numbers}, generate_series(1, ${messages}::int) p
    order by c, p`
}

export interface Owned {
  user_id: string
  id: string
}

/** The newest conversation of each user of a plot, ordered by user. */
export const newestOf = (sql: Sql, prefix: string): Promise<Owned[]> => sql<Owned[]>`
  select distinct on (user_id) user_id, id
  from colloquy.conversations
  where user_id >= ${`${prefix}-`} and user_id < ${`${prefix}.`}
  order by user_id, id desc`
