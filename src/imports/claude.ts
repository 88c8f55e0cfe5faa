import { isJsonObject } from '../json-object.js'
import { type ReadConversation, type SkipReason, type SourceMessage, timeOf, toImported } from './imported.js'

type Node = Record<string, unknown>

/** Whether it is a conversation of Claude's `conversations.json`. */
export const isClaude = (value: Node): boolean => Array.isArray(value.chat_messages)

/** The message's text blocks, or what older exports have in their place. */
const textOf = ({ content, text }: Node): string => {
  const blocks = (Array.isArray(content) ? content : []).flatMap((block) =>
    isJsonObject(block) && block.type === 'text' ? [String(block.text ?? '')] : [],
  )
  const joined = blocks.filter((block) => block !== '').join('\n\n')
  return joined !== '' || typeof text !== 'string' ? joined : text
}

const roles: Record<string, 'user' | 'assistant'> = { human: 'user', assistant: 'assistant' }

/** Reads a conversation of Claude's export. */
export const readClaude = (value: Node): ReadConversation => {
  const messages: SourceMessage[] = []
  const skipped: SkipReason[] = []
  for (const [at, message] of (value.chat_messages as unknown[]).entries()) {
    const source = isJsonObject(message) ? message : {}
    const role = roles[String(source.sender)]
    const text = textOf(source)
    if (!role) skipped.push('other-speaker')
    else if (text.trim() === '') skipped.push('no-text')
    else messages.push({ id: String(source.uuid ?? at), role, text, time: timeOf(source.created_at) })
  }
  return toImported({
    source: 'claude',
    key: String(value.uuid ?? ''),
    title: value.name,
    archived: false,
    created: timeOf(value.created_at),
    messages,
    skipped,
  })
}
