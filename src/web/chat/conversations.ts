import type { ListName } from '../store/actions.js'
import { isRunning } from '../store/select.js'
import { isDraft, newChatId } from '../store/state.js'
import { hasGap } from '../store/thread.js'
import { attempt, type Context, noteFailure, notice } from './context.js'
import { saveFile } from './save-file.js'
import { INCLUDE, type Turns } from './turns.js'

const LIST_SIZE = 50
const PAGE_SIZE = 50
/** for finding a message far back */
const LARGE_PAGE_SIZE = 100
const MAX_PINNED = 100

interface Change {
  title?: string
  archived?: boolean
  pinned?: boolean
  active_message_id?: string
}

/** Reads and changes conversations. */
export const createConversations = (context: Context, turns: Turns) => {
  const { client, store } = context
  const { dispatch } = store
  /** the pages of older messages that are being loaded, by conversation */
  const older = new Map<string, Promise<void>>()

  const readList = async (list: ListName, cursor: string | undefined): Promise<void> => {
    dispatch({ type: 'list-requested', list })
    const archived = list === 'archived'
    try {
      const [page, pinned] = await Promise.all([
        client.listConversations({ archived, limit: LIST_SIZE, ...(cursor !== undefined && { cursor }) }),
        // They are listed first, however old they are.
        cursor === undefined
          ? client.listConversations({ archived, pinned: true, limit: MAX_PINNED })
          : undefined,
      ])
      dispatch({ type: 'list-received', list, page, ...(pinned && { pinned: pinned.data }) })
    } catch (error) {
      dispatch({ type: 'list-failed', list, failure: noteFailure(context, error) })
    }
  }

  const readThread = async (id: string, limit: number, cursor?: string): Promise<void> => {
    dispatch({ type: 'thread-requested', id })
    try {
      const page = await client.listMessages({
        conversation_id: id,
        order: 'desc',
        limit,
        ...INCLUDE,
        ...(cursor !== undefined && { cursor }),
      })
      dispatch({ type: 'thread-received', id, page, isOlder: cursor !== undefined })
    } catch (error) {
      dispatch({ type: 'thread-failed', id, failure: noteFailure(context, error) })
    }
  }

  /** Reads the newest messages, and shows the turn that is under way. */
  const reload = async (id: string): Promise<void> => {
    await Promise.all([readThread(id, PAGE_SIZE), turns.refresh(id)])
    const running = store.state.conversations[id]?.running_turn_id
    if (running) turns.join(id, running)
  }

  /** Reads a conversation again and, where others have added to it or have a turn under way, its newest messages. */
  const catchUp = async (id: string): Promise<void> => {
    await turns.refresh(id)
    const thread = store.state.threads[id]
    // A turn that is under way is followed by its own stream.
    if (!thread || isRunning(thread)) return
    const { running_turn_id, active_message_id } = store.state.conversations[id] ?? {}
    const { messages } = thread
    if (running_turn_id || messages.at(-1)?.id !== active_message_id || hasGap(messages)) await reload(id)
  }

  /** Loads the page before the messages that there are; whoever asks in the meantime waits for the same page. */
  const loadOlder = (id: string, limit = PAGE_SIZE): Promise<void> => {
    const { next } = store.state.threads[id] ?? { next: null }
    if (next === null) return Promise.resolve()
    const loading = older.get(id) ?? readThread(id, limit, next).finally(() => older.delete(id))
    older.set(id, loading)
    return loading
  }

  /** Loads older messages until this one is there. False: it is on another branch. */
  const loadUntil = async (id: string, messageId: string): Promise<boolean> => {
    for (;;) {
      const thread = store.state.threads[id]
      if (thread?.messages.some((message) => message.id === messageId)) return true
      if (!thread || thread.next === null) return thread?.status === 'failed'
      await loadOlder(id, LARGE_PAGE_SIZE)
      if (store.state.threads[id]?.status === 'failed') return true
    }
  }

  const change = async (conversation_id: string, what: string, change: Change): Promise<boolean> =>
    attempt(context, what, async () => {
      const conversation = await client.updateConversation({ conversation_id, ...change })
      dispatch({ type: 'conversation-received', conversation })
    })

  /** Goes to the branch of a message. */
  const switchBranch = async (id: string, active_message_id: string): Promise<void> => {
    if (await change(id, 'The other version could not be shown', { active_message_id })) await reload(id)
  }

  return {
    loadList: (list: ListName) => readList(list, undefined),
    loadMore(list: ListName): void {
      const { status, next } = store.state.lists[list]
      if (status !== 'loading' && next !== null) void readList(list, next)
    },

    /** Shows a conversation, from a message of it on where one is given. */
    async open(id: string, target?: string): Promise<void> {
      const isKnown = store.state.threads[id] !== undefined
      dispatch({ type: 'opened', id, target })
      if (!isKnown) await reload(id)
      if (target !== undefined && !(await loadUntil(id, target))) {
        await switchBranch(id, target)
        await loadUntil(id, target)
      }
    },
    openNew(): void {
      const { state } = store
      if (!isDraft(state.open) || state.threads[state.open]?.live)
        dispatch({ type: 'opened', id: newChatId(state) })
    },
    reload,
    catchUp,
    loadOlder,
    /** After a failure: the newest messages, and those before the ones that there are. */
    async readOn(id: string): Promise<void> {
      await reload(id)
      await loadOlder(id)
    },
    switchBranch,

    rename: (id: string, title: string) => change(id, 'It could not be renamed', { title }),
    pin: (id: string, pinned: boolean) => change(id, 'It could not be pinned', { pinned }),
    async archive(id: string, archived: boolean): Promise<void> {
      const isDone = await change(id, 'It could not be archived', { archived })
      if (isDone) notice(context, 'done', archived ? 'Moved to the archive.' : 'Taken out of the archive.')
    },
    async remove(conversation_id: string): Promise<void> {
      await attempt(context, 'It could not be deleted', async () => {
        await client.deleteConversation({ conversation_id })
        turns.leave(conversation_id)
        dispatch({ type: 'conversation-deleted', id: conversation_id })
        notice(context, 'done', 'The conversation is deleted.')
      })
    },
    async exportConversation(conversation_id: string): Promise<void> {
      await attempt(context, 'It could not be exported', async () => {
        const text = await client.exportConversation({ conversation_id, format: 'markdown' })
        const title = store.state.conversations[conversation_id]?.title ?? 'conversation'
        saveFile(`${title}.md`, 'text/markdown', [String(text)])
      })
    },
    async exportAll(): Promise<void> {
      await attempt(context, 'The export failed', async () => {
        const lines: string[] = []
        for await (const line of client.exportUser()) lines.push(`${JSON.stringify(line)}\n`)
        saveFile('conversations.ndjson', 'application/x-ndjson', lines)
      })
    },

    async rate(message_id: string, rating: 'up' | 'down' | null, comment?: string): Promise<void> {
      await attempt(context, 'Your feedback could not be stored', async () => {
        await client.rateMessage({ message_id, rating, ...(comment && { comment }) })
        dispatch({ type: 'message-received', message: await client.getMessage({ message_id, ...INCLUDE }) })
      })
    },
  }
}

export type Conversations = ReturnType<typeof createConversations>
