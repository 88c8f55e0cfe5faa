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

/** Citus takes no such statement, so it is one after the other: of one moment only when nobody writes. */
const readDistributed = async (superuserUrl: string): Promise<Dump> => {
  const read = async <T>(statement: string): Promise<T[]> =>
    [...(await asSuperuser(superuserUrl, statement))] as T[]
  const turns = await read<Omit<UserRow, 'spent'>>(`
    select user_id, count(*) filter (where status = 'running')::integer as running,
      coalesce(sum(reserved), 0)::float8 as reserved
    from colloquy.turns group by user_id`)
  const usage = await read<Pick<UserRow, 'user_id' | 'spent'>>(
    'select user_id, coalesce(sum(cost), 0)::float8 as spent from colloquy.usage group by user_id',
  )
  const users = new Map<string, UserRow>()
  for (const row of [...turns, ...usage])
    users.set(row.user_id, { running: 0, reserved: 0, spent: 0, ...users.get(row.user_id), ...row })
  return {
    users: [...users.values()],
    conversations: await read(`
      select user_id, id, last_position, last_turn_id from colloquy.conversations
      where expires_at is null or expires_at > now()`),
    turns: await read(
      'select id, conversation_id, status, attempt, user_message_id, message_id from colloquy.turns',
    ),
    messages: await read(`
      select user_id, id, conversation_id, turn_id, parent_id, position, role, status, content from colloquy.messages
      order by position`),
    deadlocks: 0,
  }
}

/** Reads it all with the superuser's eyes, which row-level security hides nothing from. */
export const readDump = async (superuserUrl: string, isDistributed = false): Promise<Dump> => {
  if (isDistributed) return readDistributed(superuserUrl)
  const [row] = await asSuperuser(superuserUrl, statement)
  return row?.dump
}
