import { createHash } from 'node:crypto'

/** Why something is left out. */
export type SkipReason =
  | 'unknown-format'
  | 'no-messages'
  | 'no-text'
  | 'too-long'
  | 'not-completed'
  | 'summary'
  | 'other-speaker'

export type Source = 'colloquy' | 'chatgpt' | 'claude'

/** A message as it is to be stored. */
export interface ImportedMessage {
  id: string
  parent_id: string | null
  role: 'user' | 'assistant'
  content: string
  created_at: string
}

export interface ImportedConversation {
  id: string
  title: string | null
  archived: boolean
  pinned: boolean
  metadata: Record<string, string>
  /** null for none, or for one that is not known here */
  assistant: string | null
  created_at: string
  last_turn_at: string
}

/** A message as a source has it. */
export interface SourceMessage {
  id: string
  role: 'user' | 'assistant'
  text: string
  time: Date | undefined
}

export interface ReadConversation {
  conversation: ImportedConversation
  messages: ImportedMessage[]
  /** of messages that are left out */
  skipped: SkipReason[]
}

/** The contract's limits, in code points. */
const maxTitle = 200
export const maxContent = 1_000_000

/** What PostgreSQL cannot store becomes U+FFFD. */
export const storable = (text: string): string => text.toWellFormed().replaceAll('\0', '\ufffd')

export const lengthOf = (text: string): number => {
  let length = 0
  for (const _ of text) length += 1
  return length
}

export const titleOf = (title: unknown): string | null => {
  if (typeof title !== 'string') return null
  const short = [...storable(title).trim()].slice(0, maxTitle).join('').trim()
  return short === '' ? null : short
}

/** A time of this millennium; undefined for what is none. */
export const timeOf = (value: unknown): Date | undefined => {
  const time = new Date(typeof value === 'number' ? value * 1000 : String(value ?? ''))
  const year = time.getUTCFullYear()
  return year >= 2000 && year < 3000 ? time : undefined
}

/**
 * The id of what a source calls `key`: a UUIDv7 of its time whose random bits are a hash, so that the same thing has the same id each
 * time, and no other thing has it (RFC 9562, section 5.7).
 */
export const idOf = (source: Source, kind: string, key: string, time: Date): string => {
  const bytes = createHash('sha256')
    .update(JSON.stringify([source, kind, key]))
    .digest()
    .subarray(0, 16)
  bytes.writeUIntBE(time.getTime(), 0, 6)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

interface SourceConversation {
  source: Source
  key: string
  title: unknown
  archived: boolean
  created: Date | undefined
  messages: SourceMessage[]
  skipped: SkipReason[]
}

/** Joins what one speaker says in a row: a model is told of questions and answers in turn. */
const merge = (messages: SourceMessage[]): SourceMessage[] => {
  const merged: SourceMessage[] = []
  for (const message of messages) {
    const last = merged.at(-1)
    if (last?.role === message.role) last.text += `\n\n${message.text}`
    else merged.push({ ...message })
  }
  return merged
}

/** Brings a conversation of another product into our form. */
export const toImported = ({
  source,
  key,
  title,
  archived,
  created,
  messages,
  skipped,
}: SourceConversation): ReadConversation => {
  const begun = created ?? messages.find(({ time }) => time)?.time ?? new Date(Date.UTC(2000, 0, 1))
  const conversation_id = idOf(source, 'conversation', key, begun)
  const reasons = [...skipped]
  const kept = merge(messages.filter(({ text }) => text.trim() !== '')).filter(({ text }) => {
    const fits = lengthOf(text) <= maxContent
    if (!fits) reasons.push('too-long')
    return fits
  })
  let time = begun
  let parent_id: string | null = null
  const imported = kept.map((message): ImportedMessage => {
    // Times of a log do not go back.
    if (message.time && message.time > time) time = message.time
    const id = idOf(source, `message of ${key}`, message.id, time)
    const result = {
      id,
      parent_id,
      role: message.role,
      content: storable(message.text),
      created_at: time.toISOString(),
    }
    parent_id = id
    return result
  })
  return {
    conversation: {
      id: conversation_id,
      title: titleOf(title),
      archived,
      pinned: false,
      metadata: {},
      assistant: null,
      created_at: begun.toISOString(),
      last_turn_at: time.toISOString(),
    },
    messages: imported,
    skipped: reasons,
  }
}
