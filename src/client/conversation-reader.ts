import type { Connection } from './call.js'
import type { Client } from './client-types.js'
import type { Core } from './core.js'
import type { ShownMessages } from './shown-messages.js'

export interface Reading {
  headers: Headers
  signal: AbortSignal
}

/** Reads a conversation's newest messages and turns, for a page that shows some of them already. */
export const createConversationReader = (client: Client, core: Core, shown: ShownMessages) => {
  const streamTurn = (turn_id: string, { headers, signal }: Reading, lastEventId?: string) =>
    core.open('streamTurn', { turn_id }, { headers, signal, lastEventId })

  /** The newest messages, oldest first, without summaries: what they sum up is there, too. */
  const newestMessages = async (conversation_id: string, limit: number, options: Partial<Reading> = {}) => {
    const { data } = await client.listMessages({ conversation_id, order: 'desc', limit }, options)
    return data.filter(({ role }) => role !== 'summary').reverse()
  }

  /**
   * Streams the running turn or, because a turn may have ended since the page was loaded, the newest turn whose stored version the
   * page does not show. 204 when there is none.
   */
  const streamNewest = async (id: string, options: Reading): Promise<Connection> => {
    const running = await core.open('streamConversation', { conversation_id: id }, options)
    if (running.response.status !== 204) return running
    // No more than two summaries come after the last turn.
    const newest = (await newestMessages(id, 3, options)).at(-1)
    if (!newest?.turn_id || (newest.role === 'assistant' && shown.isCurrent(newest))) return running
    running.close()
    return streamTurn(newest.turn_id, options)
  }

  return { streamTurn, newestMessages, streamNewest }
}
