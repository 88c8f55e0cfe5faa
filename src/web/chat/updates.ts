import type { UpdateEvent } from '../../client/index.js'
import { toFailure } from '../store/failure.js'
import { isLimit } from '../store/select.js'
import { hasGap } from '../store/thread.js'
import { type Context, noteFailure, notice } from './context.js'
import type { Conversations } from './conversations.js'
import type { Turns } from './turns.js'

/** How often a lost stream is opened again before the server counts as out of reach. */
const RETRIES = 2
/** How long changes of a conversation wait for others: a turn that begins changes its conversation as well. */
const SETTLE_MS = 30

/** Keeps the page true to what other tabs, devices and programs do: by one stream, which says what to read again. */
export const createUpdates = (context: Context, conversations: Conversations, turns: Turns) => {
  const { client, store } = context
  const waiting = new Map<string, ReturnType<typeof setTimeout>>()
  let following: AbortController | undefined

  /** Reads a conversation again and, where it is shown, the messages that it has got. */
  const read = async (id: string): Promise<void> => {
    await turns.refresh(id)
    const { open, threads, conversations: all } = store.state
    const thread = threads[id]
    if (!thread || thread.live) return
    if (id !== open) return store.dispatch({ type: 'thread-forgotten', id })
    const { running_turn_id, active_message_id } = all[id] ?? {}
    const { messages } = thread
    if (running_turn_id || messages.at(-1)?.id !== active_message_id || hasGap(messages))
      await conversations.reload(id)
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

  const onReset = (): void => {
    void conversations.loadList('active')
    const { open, lists } = store.state
    if (lists.archived.status !== 'idle') void conversations.loadList('archived')
    readSoon(open)
  }

  const onUpdate = (event: UpdateEvent): void => {
    if (event.type === 'reset') onReset()
    else if (event.type === 'conversation-deleted') onDeleted(event.conversation_id)
    else if ('conversation_id' in event) readSoon(event.conversation_id)
  }

  return {
    /** Follows what changes until the stream is lost for good; call it again when the server answers again. */
    async followUpdates(): Promise<void> {
      following?.abort()
      following = new AbortController()
      const { signal } = following
      try {
        for await (const event of client.streamUpdates({ signal, retries: RETRIES })) onUpdate(event)
      } catch (error) {
        // One tab too many goes without updates; its messages are not limited by that.
        if (!signal.aborted && !isLimit(toFailure(error))) noteFailure(context, error)
      }
    },
  }
}
