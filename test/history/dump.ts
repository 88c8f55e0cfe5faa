import { asSuperuser } from './postgres.js'

export interface ConversationRow {
  user_id: string
  id: string
  last_position: number
  last_turn_id: string
}

export interface TurnRow {
  id: string
  conversation_id: string
  status: string
  attempt: number
  user_message_id: string
  message_id: string
}

export interface MessageRow {
  id: string
  conversation_id: string
  /** null of a summary */
  turn_id: string | null
  parent_id: string | null
  position: number
  role: string
  status: string
  content: string
}

/** What a user's turns take of the limits, also of one whose conversations are all deleted. */
export interface UserRow {
  user_id: string
  running: number
  /** in microunits */
  reserved: number
  spent: number
}

/** The database at one moment. */
export interface Dump {
  users: UserRow[]
  conversations: ConversationRow[]
  turns: TurnRow[]
  /** by position */
  messages: MessageRow[]
  /** that the server has counted since it was started */
  deadlocks: number
}

// One statement sees one moment.
const statement = `
  select json_build_object(
    'users', (
      select coalesce(json_agg(u), '[]')
      from (
        select n.user_id, count(t.id) filter (where t.status = 'running') as running,
          coalesce(sum(t.reserved), 0) as reserved,
          (select coalesce(sum(g.cost), 0) from colloquy.usage g where g.user_id = n.user_id) as spent
        from (select user_id from colloquy.turns union select user_id from colloquy.usage) n
        left join colloquy.turns t on t.user_id = n.user_id
        group by n.user_id
      ) u),
    'conversations', (
      select coalesce(json_agg(c), '[]')
      from (
        select user_id, id, last_position, last_turn_id
        from colloquy.conversations
        where expires_at is null or expires_at > clock_timestamp()
      ) c),
    'turns', (
      select coalesce(json_agg(t), '[]')
      from (
        select id, conversation_id, status, attempt, user_message_id, message_id from colloquy.turns
      ) t),
    'messages', (
      select coalesce(json_agg(m order by m.position), '[]')
      from (
        select id, conversation_id, turn_id, parent_id, position, role, status, content
        from colloquy.messages
      ) m),
    'deadlocks', (select deadlocks from pg_stat_database where datname = current_database())
  ) as dump`

/** Reads it all with the superuser's eyes, which row-level security hides nothing from. */
export const readDump = async (superuserUrl: string): Promise<Dump> => {
  const [row] = await asSuperuser(superuserUrl, statement)
  return row?.dump
}
