import type { Read } from '../records.js'
import { isRunning, type View } from '../view.js'
import type { Check, Violation } from './rules.js'

const rewritten = ({ logs }: View, read: Read): Violation[] => {
  const log = logs.get(read.conversation)
  const stored = new Map(log?.messages.map(({ id, position }) => [position, id]))
  return read.messages.flatMap(({ id, position }) => {
    const found = stored.get(position)
    // A new attempt takes the answer of the last one away until it has its own, at the end of the conversation.
    const isAttempt = position === (log?.messages.length ?? 0) + 1 && log?.turns.some(isRunning)
    if (found === id || (found === undefined && isAttempt)) return []
    const text = `message ${id} was read at ${position} of conversation ${read.conversation}, where ${found ?? 'nothing'} is stored`
    return [{ rule: 'rewritten', text }]
  })
}

/** When each answer was first acknowledged with 200, by conversation. */
const acknowledged = ({ operations, stored }: View) => {
  const found = new Map<string, { id: string; position: number; at: number; message: string }[]>()
  for (const { message, requests } of operations.values()) {
    const [exchange, ...others] = stored.get(message) ?? []
    const times = requests.flatMap(({ answer }) => (answer?.status === 200 ? answer.at : []))
    if (!exchange?.answer || others.length > 0 || times.length === 0) continue
    const { id, position, conversation_id } = exchange.answer
    const list = found.get(conversation_id) ?? []
    list.push({ id, position, at: Math.min(...times), message })
    found.set(conversation_id, list)
  }
  return found
}

/** A read shows the newest messages down to its lowest position. */
const unread = (known: ReturnType<typeof acknowledged>, read: Read): Violation[] => {
  const lowest = Math.min(...read.messages.map(({ position }) => position))
  const ids = new Set(read.messages.map(({ id }) => id))
  return (known.get(read.conversation) ?? [])
    .filter(({ id, position, at }) => at < read.at && position >= lowest && !ids.has(id))
    .map(({ id, position, message }) => ({
      rule: 'unread',
      text: `the answer ${id} of ${message}, at ${position} of conversation ${read.conversation}, was acknowledged before a read that lacks it`,
    }))
}

/** What clients read, against what is stored and what was acknowledged. */
export const reads: Check = (view) => {
  const known = acknowledged(view)
  return view.reads.flatMap((read) => [...rewritten(view, read), ...unread(known, read)])
}
