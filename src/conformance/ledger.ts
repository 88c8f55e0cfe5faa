import type { User } from './check.js'
import type { Exchange } from './client.js'
import type { Operation } from './contract.js'
import { parseJson } from './parse-json.js'

interface Named {
  id?: unknown
  conversation_id?: unknown
  turn_id?: unknown
}

const parse = (text: string): Named => (parseJson(text) as Named | null | undefined) ?? {}

/** The ids that a stream names at its beginning. */
const idsOfStream = ({ response }: Exchange) => {
  const frame = response?.frames.find(({ data }) => data.includes('"data-turn"'))
  const event = frame && (parse(frame.data) as { data?: { conversation_id?: unknown; turn_id?: unknown } })
  return event?.data ?? {}
}

/** Remembers what the checks have made: conversations, to delete them, and turns, which have cost money. */
export const createLedger = () => {
  const conversations = new Map<string, User>()
  const turns = new Set<string>()
  return {
    conversations,
    turns,
    /** Looks for what an exchange has made, whatever its status. */
    record(operation: Operation, user: User, exchange: Exchange): void {
      const { response } = exchange
      if (!response) return
      if (/^(create|fork)Conversation$/.test(operation.id) && response.status < 300) {
        const { id } = parse(response.text)
        if (typeof id === 'string') conversations.set(id, user)
      }
      if (operation.id !== 'createTurn' && operation.id !== 'streamNewTurn') return
      const { conversation_id, turn_id } =
        response.frames.length > 0 ? idsOfStream(exchange) : parse(response.text)
      if (typeof turn_id !== 'string') return
      // A conflict names a turn that another request has begun.
      if (response.status !== 409) turns.add(turn_id)
      if (typeof conversation_id === 'string') conversations.set(conversation_id, user)
    },
  }
}

export type Ledger = ReturnType<typeof createLedger>
