import { isJsonObject } from '../json-object.js'
import { type ReadConversation, type SkipReason, type SourceMessage, timeOf, toImported } from './imported.js'

type Node = Record<string, unknown>

const object = (value: unknown): Node => (isJsonObject(value) ? value : {})

/** Whether it is a conversation of ChatGPT's `conversations.json`: a tree of messages. */
export const isChatGpt = (value: Node): boolean => isJsonObject(value.mapping)

/** The nodes from the root to the one that was shown last, or to the newest leaf. */
const shownPath = ({ mapping, current_node }: Node): Node[] => {
  const nodes = object(mapping)
  const path: Node[] = []
  const seen = new Set<string>()
  let id =
    typeof current_node === 'string' && current_node in nodes ? current_node : Object.keys(nodes).at(-1)
  while (id !== undefined && Object.hasOwn(nodes, id) && !seen.has(id)) {
    seen.add(id)
    const node = object(nodes[id])
    path.unshift({ ...node, id })
    id = typeof node.parent === 'string' ? node.parent : undefined
  }
  return path
}

/** The texts of a message's content; images and files are none. */
const textOf = (content: Node): string => {
  const parts = Array.isArray(content.parts) ? content.parts : []
  const texts = parts.flatMap((part) => {
    if (typeof part === 'string') return [part]
    const { text } = object(part)
    return typeof text === 'string' ? [text] : []
  })
  return texts.filter((text) => text !== '').join('\n\n')
}

/** Reads a conversation of ChatGPT's export. */
export const readChatGpt = (value: Node): ReadConversation => {
  const messages: SourceMessage[] = []
  const skipped: SkipReason[] = []
  for (const { id, message } of shownPath(value)) {
    // The root of a tree has none.
    if (!isJsonObject(message)) continue
    const { author, content, create_time, recipient, metadata } = message as Node
    const { role } = object(author)
    if (object(metadata).is_visually_hidden_from_conversation === true) continue
    const isSpoken = (role === 'user' || role === 'assistant') && (recipient ?? 'all') === 'all'
    const text = textOf(object(content))
    if (!isSpoken) skipped.push('other-speaker')
    else if (text.trim() === '') skipped.push('no-text')
    else messages.push({ id: String(id), role, text, time: timeOf(create_time) })
  }
  return toImported({
    source: 'chatgpt',
    key: String(value.conversation_id ?? value.id ?? Object.keys(object(value.mapping))[0] ?? ''),
    title: value.title,
    archived: value.is_archived === true,
    created: timeOf(value.create_time),
    messages,
    skipped,
  })
}
