import type { components } from '../../generated/closed/contract.js'
import type { Sql } from '../db/database.js'
import type { ToolCall } from '../models/model.js'
import { type TurnErrorCode, turnError } from '../turns/turn-errors.js'
import { toApiCalls } from './tool-calls.js'

export type Message = components['schemas']['Message']
type Part = components['schemas']['MessagePart']

export interface MessageRow extends Omit<Message, 'error' | 'parts' | 'tool_calls' | 'summarized_through'> {
  summarized_through: number | null
  tool_calls: ToolCall[]
  error_code: TurnErrorCode | null
}

/** The contract's message, selected from a row `m` of colloquy.messages and its turn `t`. */
export const messageColumns = (sql: Sql) => sql`
  m.id, m.conversation_id, m.turn_id, m.position, m.parent_id, m.role, m.status, m.content, m.tool_calls,
  case when m.role = 'assistant' then t.finish_reason end as finish_reason,
  case when m.status in ('failed', 'interrupted') then t.error_code end as error_code, m.summarized_through,
  m.created_at`

/** Joins the turn that wrote `m` as `t`. */
export const joinTurn = (sql: Sql) =>
  sql`left join colloquy.turns t on t.user_id = m.user_id and t.id = m.turn_id`

/** The texts between the tool calls, and the calls, in the order in which the model wrote them. */
export const partsOf = (content: string, calls: readonly ToolCall[]): Part[] => {
  const parts: Part[] = []
  const addText = (text: string): void => {
    if (text) parts.push({ type: 'text', text })
  }
  let characters = 0
  let begin = 0
  for (const { id, text_offset = 0 } of calls) {
    let end = begin
    for (; characters < text_offset && end < content.length; characters += 1)
      end += (content.codePointAt(end) ?? 0) > 0xffff ? 2 : 1
    addText(content.slice(begin, end))
    parts.push({ type: 'tool-call', tool_call_id: id })
    begin = end
  }
  addText(content.slice(begin))
  return parts
}

export const toMessage = ({
  error_code,
  tool_calls,
  summarized_through,
  ...message
}: MessageRow): Message => ({
  ...message,
  ...(summarized_through !== null && { summarized_through }),
  parts: partsOf(message.content, tool_calls),
  tool_calls: toApiCalls(tool_calls),
  error: error_code === null ? null : turnError(error_code),
})
