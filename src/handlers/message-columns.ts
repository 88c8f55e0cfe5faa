import type { components } from '../../generated/closed/contract.js'
import type { Sql } from '../db/database.js'
import type { ToolCall } from '../models/model.js'
import { type AnswerPart, answerParts } from '../turns/answer-parts.js'
import type { Reasoning } from '../turns/events.js'
import { type TurnErrorCode, turnError } from '../turns/turn-errors.js'
import { toApiCalls } from './tool-calls.js'

export type Message = components['schemas']['Message']
type Part = components['schemas']['MessagePart']

export interface MessageRow
  extends Omit<Message, 'error' | 'parts' | 'tool_calls' | 'summarized_through' | 'feedback'> {
  summarized_through: number | null
  feedback: Message['feedback'] | null
  tool_calls: ToolCall[]
  /** selected only where it is asked for */
  reasoning?: Reasoning[] | null
  error_code: TurnErrorCode | null
}

/** What a reader asks for besides what everybody gets. */
export type Include = readonly components['schemas']['Inclusion'][] | undefined

/** The contract's message, selected from a row `m` of colloquy.messages and its turn `t`. */
export const messageColumns = (sql: Sql, include: Include) => sql`
  m.id, m.conversation_id, m.turn_id, m.position, m.parent_id,
  coalesce(siblings.count, 1) as sibling_count, coalesce(siblings.ids, json_build_array(m.id)) as sibling_ids, m.role, m.status, m.content, m.tool_calls,
  case when m.role = 'assistant' then t.finish_reason end as finish_reason,
  case when m.status in ('failed', 'interrupted') then t.error_code end as error_code, m.summarized_through,
  case when f.message_id is not null then json_build_object(
    'rating', f.rating, 'comment', f.comment, 'updated_at', ${utc(sql, sql`f.updated_at`)}) end as feedback,
  m.created_at
  ${include?.includes('reasoning') ? sql`, m.reasoning` : sql``}`

/** The size of the contract's message as JSON at most: the text comes twice, in `content` and in `parts`. */
export const messageBytes = (sql: Sql, userId: string, include: Include) => sql`
  1000 + 2 * octet_length(to_json(m.content)::text)
    + octet_length(m.tool_calls::text) + 400 * jsonb_array_length(m.tool_calls)
    ${include?.includes('reasoning') ? sql`+ coalesce(octet_length(m.reasoning::text), 0)` : sql``}
    + coalesce((
        select octet_length(to_json(f.comment)::text)
        from colloquy.feedback f
        where f.user_id = ${userId} and f.conversation_id = m.conversation_id and f.message_id = m.id), 0)`

/** Joins the turn that wrote `m` as `t`, and what the user thinks of it as `f`. */
export const joinTurn = (sql: Sql, userId: string) => sql`
  left join colloquy.turns t on t.user_id = ${userId} and t.id = m.turn_id
  left join colloquy.feedback f
    on f.user_id = ${userId} and f.conversation_id = m.conversation_id and f.message_id = m.id`

/** A time in JSON as the driver gives one in a column. */
const utc = (sql: Sql, time: ReturnType<Sql>) =>
  sql`to_char(${time} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

/** Joins the siblings of `m`, itself among them, as `siblings`; none for most messages, which have no other. */
export const joinSiblings = (sql: Sql, userId: string) =>
  sql`left join lateral (
    select max(s.count)::integer as count, json_agg(s.id order by s.position) as ids
    from (
      select x.id, x.position, count(*) over () as count
      from colloquy.branches own
      join colloquy.branches b
        on b.user_id = ${userId} and b.conversation_id = own.conversation_id and b.parent_position = own.parent_position
      join colloquy.messages x
        on x.user_id = ${userId} and x.conversation_id = b.conversation_id and x.position = b.position
      where own.user_id = ${userId} and own.conversation_id = m.conversation_id and own.position = m.position
      order by x.position desc
      limit 100
    ) s
    having count(*) > 0
  ) siblings on true`

const toPart = (part: AnswerPart): Part =>
  part.type === 'tool-call' ? { type: 'tool-call', tool_call_id: part.call.id } : part

export const toMessage = ({
  error_code,
  tool_calls,
  reasoning,
  summarized_through,
  feedback,
  ...message
}: MessageRow): Message => ({
  ...message,
  ...(summarized_through !== null && { summarized_through }),
  ...(feedback && { feedback }),
  parts: answerParts(message.content, tool_calls, reasoning ?? []).map(toPart),
  tool_calls: toApiCalls(tool_calls),
  error: error_code === null ? null : turnError(error_code),
})
