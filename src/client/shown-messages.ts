import type { UIMessage } from 'ai'
import { type Message, toUIMessages } from './messages.js'

const ended = 'ended'
/** What a retry of the turn changes: it replaces the answer in place. */
const versionOf = ({ status, content }: Message): string => `${status} ${content}`

/** What the page is known to show of what is stored. */
export const createShown = () => {
  const versions = new Map<string, string>()
  let loaded: UIMessage[] | undefined
  return {
    has: (id: string): boolean => versions.has(id),
    /** Whether the page shows the message as it is stored. */
    isCurrent: (message: Message): boolean =>
      [ended, versionOf(message)].includes(versions.get(message.id) ?? ''),
    /** A message came by a stream, an answer to an end that no retry changes. */
    add(id: string): void {
      versions.set(id, ended)
      // useChat has replaced the array that it was given.
      loaded = undefined
    },
    load(messages: readonly Message[]): UIMessage[] {
      for (const message of messages) versions.set(message.id, versionOf(message))
      loaded = toUIMessages(messages)
      return loaded
    },
    /** Whether `fill` can still do anything for the page. */
    isFillable: (): boolean => loaded !== undefined && !Object.isFrozen(loaded),
    /**
     * Puts what was said elsewhere since then after what was loaded. A stream has answers only, so the questions go into
     * the array that useChat was given and keeps until the first event of a stream.
     */
    fill(messages: readonly Message[]): void {
      const missing = messages.filter(({ id }) => !versions.has(id))
      loaded?.push(...toUIMessages(missing))
      for (const message of missing) versions.set(message.id, versionOf(message))
    },
  }
}
