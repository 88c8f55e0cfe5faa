import { isJsonObject, type JsonObject } from '../json-object.js'
import {
  type ImportedConversation,
  type ImportedMessage,
  lengthOf,
  maxContent,
  type SkipReason,
  storable,
  timeOf,
  titleOf,
} from './imported.js'

const lineTypes = new Set(['export', 'conversation', 'message', 'usage', 'end'])
const uuid7 = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/

/** Whether it is a line of exportUser, of today or of a later version. */
export const isColloquy = ({ type }: JsonObject): boolean =>
  typeof type === 'string' && (lineTypes.has(type) || type.startsWith('data-'))

const object = (value: unknown): JsonObject => (isJsonObject(value) ? value : {})

/** Metadata within the contract's limits; what is not is left out. */
const metadataOf = (value: unknown): Record<string, string> => {
  const pairs = Object.entries(object(value)).filter(
    (pair): pair is [string, string] =>
      typeof pair[1] === 'string' && pair[0] !== '' && lengthOf(pair[0]) <= 64 && lengthOf(pair[1]) <= 512,
  )
  return Object.fromEntries(pairs.slice(0, 16).map(([key, text]) => [storable(key), storable(text)]))
}

/** The conversation of a line; undefined when it is none of ours. */
export const readConversation = (
  line: JsonObject,
  isAssistant: (name: string) => boolean,
): ImportedConversation | undefined => {
  const { id, title, archived, pinned, metadata, assistant, created_at, last_turn_at } = object(
    line.conversation,
  )
  const created = timeOf(created_at)
  if (typeof id !== 'string' || !uuid7.test(id) || !created) return undefined
  return {
    id,
    title: titleOf(title),
    archived: archived === true,
    pinned: pinned === true,
    metadata: metadataOf(metadata),
    assistant: typeof assistant === 'string' && isAssistant(assistant) ? assistant : null,
    created_at: created.toISOString(),
    last_turn_at: (timeOf(last_turn_at) ?? created).toISOString(),
  }
}

const reasonAgainst = (message: JsonObject): SkipReason | undefined => {
  const { id, role, status, content, created_at } = message
  if (role === 'summary') return 'summary'
  if (role !== 'user' && role !== 'assistant') return 'other-speaker'
  if (typeof id !== 'string' || !uuid7.test(id) || !timeOf(created_at)) return 'unknown-format'
  if (status === 'failed' || status === 'interrupted') return 'not-completed'
  if (typeof content !== 'string' || content.trim() === '') return 'no-text'
  return lengthOf(content) > maxContent ? 'too-long' : undefined
}

/** Reads the messages of one conversation in their order: those that are left out leave no gap, and no answer without its parent. */
export const createMessageReader = () => {
  /** of each message that is left out, the one to be followed in its place */
  const standsFor = new Map<string, string | null>()
  return (line: JsonObject): ImportedMessage | SkipReason => {
    const message = object(line.message)
    const parent =
      typeof message.parent_id === 'string' && uuid7.test(message.parent_id) ? message.parent_id : null
    const parent_id = parent !== null && standsFor.has(parent) ? (standsFor.get(parent) ?? null) : parent
    const reason = reasonAgainst(message)
    if (reason) {
      standsFor.set(String(message.id), parent_id)
      return reason
    }
    return {
      id: String(message.id),
      parent_id,
      role: message.role === 'user' ? 'user' : 'assistant',
      content: storable(String(message.content)),
      created_at: (timeOf(message.created_at) as Date).toISOString(),
    }
  }
}
