import type { components } from '../../generated/closed/contract.js'
import type { Sql } from '../db/database.js'
import type { ReadsAfter } from '../db/reads.js'
import { type TurnErrorCode, turnError } from '../turns/turn-errors.js'
import { inLiveConversation } from './conversation-columns.js'
import {
  joinSiblings,
  joinTurn,
  type Message,
  type MessageRow,
  messageBytes,
  messageColumns,
  toMessage,
} from './message-columns.js'
import { maxPageBytes } from './page.js'

type Turn = components['schemas']['Turn']
export type ExportedConversation = components['schemas']['ExportedConversation']

/** Whose log is read, and as of when: it is append-only, so what was written by then is told by its time. */
export interface Log {
  /** Runs a read that shows at least what those before it have shown. */
  read<T>(work: (sql: Sql) => PromiseLike<T>): Promise<T>
  userId: string
  asOf: string
}

/** A place in the log: after the conversation's message at that position, or before its first for 0. */
export interface LogPosition {
  conversationId: string
  position: number
}

export interface ExportedMessage {
  message: Message
  /** of a user's message: its turn, if that had ended */
  turn: Turn | undefined
}

type Row = MessageRow & {
  turn: Pick<Turn, 'attempt' | 'user_message_id' | 'message_id' | 'model' | 'usage'> | null
  turn_status: Turn['status']
  turn_error: TurnErrorCode | null
  turn_created_at: string
  turn_finished_at: string
}

const include = ['reasoning'] as const
const maxMessages = 200

/**
 * Opens the log as of the moment `asOf`, by default now: times are stored in milliseconds, to the nearest, and the next whole one is
 * after all that is stored by now. The primary tells that, and so also what a replica has to have: no page lacks what another one has.
 */
export const openLog = async (readsAfter: ReadsAfter, userId: string, asOf?: string): Promise<Log> => {
  let reads = readsAfter(undefined)
  const read: Log['read'] = async (work) => {
    const rows = await reads.asUser(userId, work)
    // The primary may have shown a conversation whose messages the replica does not have.
    reads = readsAfter(reads.position())
    return rows
  }
  const [row] = await read(
    (sql) => sql<[{ now: string }]>`
      select date_trunc('milliseconds', colloquy.clock()) + interval '1 millisecond' as now`,
  )
  return { read, userId, asOf: asOf ?? row.now }
}

/** The user's next conversations by their ids: those after `after`, or the one named `only`. */
export const readConversations = (
  { read, userId, asOf }: Log,
  { after, only }: { after?: string; only?: string },
  limit: number,
): Promise<ExportedConversation[]> =>
  read(
    (sql) => sql<ExportedConversation[]>`
      select c.id, c.title, c.archived, c.pinned, c.metadata, c.assistant, c.created_at, c.updated_at, c.last_turn_at
      from colloquy.conversations c
      where c.user_id = ${userId} and c.created_at <= ${asOf}::timestamptz
        and colloquy.is_live(c.expires_at)
        ${only === undefined ? sql`` : sql`and c.id = ${only}::uuid`}
        ${after === undefined ? sql`` : sql`and c.id > ${after}::uuid`}
      order by c.id
      limit ${limit}`,
  )

const toExported = ({ turn, turn_status, turn_error, turn_created_at, turn_finished_at, ...row }: Row) => {
  const message = toMessage(row)
  const ended = message.role === 'user' && message.turn_id !== null && turn
  return {
    message,
    turn: ended
      ? {
          id: message.turn_id as string,
          conversation_id: message.conversation_id,
          status: turn_status,
          ...ended,
          error: turn_error === null ? null : turnError(turn_error),
          created_at: turn_created_at,
          finished_at: turn_finished_at,
        }
      : undefined,
  }
}

/** The next messages after `from`, by conversation and position: a page of what a list's page may have. */
const readPage = async (
  { read, userId, asOf }: Log,
  from: LogPosition,
  through: string,
): Promise<ExportedMessage[]> => {
  const rows = await read((sql) => {
    const next = (conversation: ReturnType<typeof sql>, position: ReturnType<typeof sql>) => sql`
      select m.conversation_id, m.position, ${messageBytes(sql, userId, include)} as bytes
      from colloquy.messages m
      where m.user_id = ${userId} and (m.conversation_id, m.position) > (${conversation}, ${position})
        and m.conversation_id <= ${through}::uuid and m.created_at <= ${asOf}::timestamptz
        and ${inLiveConversation(sql, 'm', userId)}
      order by m.conversation_id, m.position
      limit 1`
    return sql<Row[]>`
      with recursive listed as (
        select first.conversation_id, first.position, first.bytes, 1 as n
        from (${next(sql`${from.conversationId}::uuid`, sql`${from.position}::integer`)}) first
        union all
        select next.conversation_id, next.position, listed.bytes + next.bytes, listed.n + 1
        from listed
        cross join lateral (${next(sql`listed.conversation_id`, sql`listed.position`)}) next
        where listed.n < ${maxMessages} and listed.bytes <= ${maxPageBytes}
      )
      select ${messageColumns(sql, include)},
        case when m.role = 'user' and t.finished_at <= ${asOf}::timestamptz then json_build_object(
          'attempt', t.attempt, 'user_message_id', t.user_message_id, 'message_id', t.message_id, 'model', t.model,
          'usage', json_build_object(
            'input_tokens', t.input_tokens, 'output_tokens', t.output_tokens,
            'cached_input_tokens', t.cached_input_tokens, 'reasoning_tokens', t.reasoning_tokens,
            'total_tokens', t.total_tokens, 'cost', t.cost)) end as turn,
        t.status as turn_status, t.error_code as turn_error, t.created_at as turn_created_at,
        t.finished_at as turn_finished_at
      from listed
      join colloquy.messages m
        on m.user_id = ${userId} and m.conversation_id = listed.conversation_id and m.position = listed.position
      ${joinTurn(sql, userId)}
      ${joinSiblings(sql, userId)}
      where listed.n = 1 or listed.bytes <= ${maxPageBytes}
      order by listed.n`
  })
  return rows.map(toExported)
}

/**
 * The messages after `from` up to the end of the conversation `through`, page by page. Each page is a transaction of its own,
 * made when it is asked for, so a slow reader holds none.
 */
export async function* readMessages(
  log: Log,
  from: LogPosition,
  through: string,
): AsyncGenerator<ExportedMessage[]> {
  let position = from
  for (;;) {
    const page = await readPage(log, position, through)
    const last = page.at(-1)
    if (!last) return
    yield page
    position = { conversationId: last.message.conversation_id, position: last.message.position }
  }
}
