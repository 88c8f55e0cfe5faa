import type { UpdateEvent } from '../../client/index.js'
import { kindOf, toFailure } from '../store/failure.js'
import { isLimit } from '../store/select.js'
import { isDraft } from '../store/state.js'
import { type Context, noteFailure, notice } from './context.js'
import type { Conversations } from './conversations.js'
import type { Turns } from './turns.js'

/** How often a lost stream is opened again before the server counts as out of reach. */
const RETRIES = 2
/** How long changes of a conversation wait for others: a turn that begins changes its conversation as well. */
const SETTLE_MS = 30
/** When a stream that was refused is asked for again, where the server has not said. */
const REFUSED_MS = 10_000

/** Keeps the page true to what other tabs, devices and programs do: by one stream, which says what to read again. */
export const createUpdates = (context: Context, conversations: Conversations, turns: Turns) => {
  const { client, store } = context
  const waiting = new Map<string, ReturnType<typeof setTimeout>>()
  let following: AbortController | undefined

  /** Reads a conversation again and, where it is shown, the messages that it has got. */
  const read = (id: string): Promise<void> => {
    const { open, threads } = store.state
    if (id === open) return conversations.catchUp(id)
    if (threads[id] && !threads[id].live) store.dispatch({ type: 'thread-forgotten', id })
    return turns.refresh(id)
  }

  const readSoon = (id: string): void => {
    if (waiting.has(id)) return
    const timer = setTimeout(() => {
      waiting.delete(id)
      void read(id)
    }, SETTLE_MS)
    waiting.set(id, timer)
  }

  const onDeleted = (id: string): void => {
    const { open, conversations: all } = store.state
    clearTimeout(waiting.get(id))
    waiting.delete(id)
    if (!all[id]) return
    turns.leave(id)
    store.dispatch({ type: 'conversation-deleted', id })
    if (open === id) notice(context, 'done', 'This conversation was deleted elsewhere.')
  }

  /** Reads what is shown again, whatever has changed of it. */
  const readAgain = (): void => {
    void conversations.loadList('active')
    const { open, lists } = store.state
    if (lists.archived.status !== 'idle') void conversations.loadList('archived')
    if (!isDraft(open)) void conversations.reload(open)
  }

  const onUpdate = (event: UpdateEvent): void => {
    if (event.type === 'reset') readAgain()
    else if (event.type === 'conversation-deleted') onDeleted(event.conversation_id)
    else if ('conversation_id' in event) readSoon(event.conversation_id)
  }

  /**
   * Follows what changes until the server is out of reach or nobody is signed in; call it again when that is over. What changes from
   * its beginning on is told, and what changed before that is read, after a time without it. A tab that nobody sees follows nothing: over
   * HTTP/1.1 a browser has six connections to a server, for all of its tabs.
   */
  const followUpdates = async (isBehind = false): Promise<void> => {
    following?.abort()
    if (document.hidden) return
    following = new AbortController()
    const { signal } = following
    try {
      for await (const event of client.streamUpdates({ signal, retries: RETRIES })) {
        if (isBehind) readAgain()
        isBehind = false
        onUpdate(event)
      }
    } catch (error) {
      if (signal.aborted) return
      const failure = toFailure(error)
      // One tab too many goes without updates for a while; its messages are not limited by that.
      if (!isLimit(failure)) noteFailure(context, error)
      if (['offline', 'signed-out'].includes(kindOf(failure))) return
      if (isBehind) readAgain()
      const again = () => {
        if (!signal.aborted) void followUpdates(true)
      }
      setTimeout(again, failure.retryAt === undefined ? REFUSED_MS : failure.retryAt - Date.now())
    }
  }

  return { followUpdates }
}
