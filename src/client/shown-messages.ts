import { type Message, toUIMessages } from './messages.js'
import type { ChatMessage } from './sdk.js'

/** The version of a message whose turn has ended; a stream delivered it. */
const FINAL = 'final'
/** Changes when a retry of the turn replaces the answer. */
const versionOf = ({ status, content }: Message): string => `${status} ${content}`

/** Tracks which stored messages the page shows. */
export const createShownMessages = () => {
  const versions = new Map<string, string>()
  let loaded: ChatMessage[] | undefined
  return {
    has: (id: string): boolean => versions.has(id),
    /** Whether the page shows the message's stored version. */
    isCurrent: (message: Message): boolean =>
      [FINAL, versionOf(message)].includes(versions.get(message.id) ?? ''),
    /** Records a message from a stream: a question, or an answer that no retry will replace. */
    add(id: string): void {
      versions.set(id, FINAL)
      // By now useChat has replaced the loaded array.
      loaded = undefined
    },
    load(messages: readonly Message[]): ChatMessage[] {
      for (const message of messages) versions.set(message.id, versionOf(message))
      loaded = toUIMessages(messages)
      return loaded
    },
    /** Whether `insertMissing` still reaches the page. */
    canInsert: (): boolean => loaded !== undefined && !Object.isFrozen(loaded),
    /**
     * Appends messages that were sent elsewhere since the page was loaded. A stream contains answers only, so the questions go into
     * the loaded array, which useChat uses until a stream's first event.
     */
    insertMissing(messages: readonly Message[]): void {
      const missing = messages.filter(({ id }) => !versions.has(id))
      loaded?.push(...toUIMessages(missing))
      for (const message of missing) versions.set(message.id, versionOf(message))
    },
  }
}

export type ShownMessages = ReturnType<typeof createShownMessages>
