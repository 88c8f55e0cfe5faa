import type { Action, ListName } from './actions.js'
import { kindOf } from './failure.js'
import {
  emptySearch,
  emptyThread,
  type Loading,
  newDraftId,
  type State,
  type Thread,
  unsentText,
} from './state.js'
import { addPage, changeTurn, findTurn, type TurnAction } from './thread.js'

const withList = (state: State, list: ListName, change: Partial<Loading>): State => ({
  ...state,
  lists: { ...state.lists, [list]: { ...state.lists[list], ...change } },
})

const withThread = (state: State, id: string, change: (thread: Thread) => Thread): State => ({
  ...state,
  threads: { ...state.threads, [id]: change(state.threads[id] ?? emptyThread) },
})

const without = <T>(record: Readonly<Record<string, T>>, id: string): Record<string, T> => {
  const { [id]: _, ...rest } = record
  return rest
}

const open = (state: State, id: string, target?: string): State => ({
  ...state,
  open: id,
  target,
  ...(state.threads[id] ? {} : { threads: { ...state.threads, [id]: emptyThread } }),
})

/** The thread in which a turn is under way. */
const threadOf = ({ threads }: State, key: string): string | undefined =>
  Object.keys(threads).find((id) => threads[id]?.live?.key === key)

/** A conversation that has begun gets its id in place of this page's. */
const adopt = (state: State, from: string, id: string): State => {
  const thread = state.threads[from]
  if (from === id || !thread) return state
  const { [from]: draft = '', ...drafts } = state.drafts
  return {
    ...state,
    open: state.open === from ? id : state.open,
    threads: { ...without(state.threads, from), [id]: thread },
    drafts: { ...drafts, [id]: draft },
  }
}

/** Has the message that a turn could not send, and that another one takes the place of, before what was typed since. */
const keepUnsent = (state: State, id: string, key?: string): State => {
  const live = state.threads[id]?.live
  const unsent = live?.key === key ? undefined : unsentText(live)
  if (unsent === undefined) return state
  const text = [unsent, state.drafts[id]].filter(Boolean).join('\n\n')
  return { ...state, drafts: { ...state.drafts, [id]: text } }
}

const reduceTurn = (state: State, action: TurnAction): State => {
  const id = action.type === 'turn-sent' ? action.id : threadOf(state, action.key)
  if (id === undefined) return state
  const kept =
    action.type === 'turn-sent'
      ? keepUnsent(state, id, action.key)
      : action.type === 'turn-withdrawn'
        ? keepUnsent(state, id)
        : state
  const next = withThread(kept, id, (thread) => changeTurn(thread, action))
  return action.type === 'turn-named' ? adopt(next, id, action.id) : next
}

const pick = <T>(record: Readonly<Record<string, T>>, isWanted: (id: string, value: T) => boolean) =>
  Object.fromEntries(Object.entries(record).filter(([id, value]) => isWanted(id, value)))

/** The first page says which conversations there are: others of its list are on later pages, or gone, and what was read of them is old. */
const forgetList = (state: State, list: ListName): State => {
  const isKept = (id: string) => id === state.open || state.threads[id]?.live !== undefined
  return {
    ...state,
    conversations: pick(
      state.conversations,
      (id, { archived }) => archived !== (list === 'archived') || isKept(id),
    ),
    threads: pick(state.threads, isKept),
  }
}

const reduceSearch = (state: State, action: Action): State => {
  const { search } = state
  switch (action.type) {
    case 'search-requested':
      return { ...state, search: { ...search, query: action.query, status: 'loading', failure: undefined } }
    case 'search-received': {
      if (action.query !== search.query) return state
      const { data, next_cursor: next, is_complete: isComplete } = action.page
      const results = action.isMore ? [...search.results, ...data] : data
      return { ...state, search: { ...search, status: 'ready', results, next, isComplete } }
    }
    case 'search-failed':
      if (action.query !== search.query) return state
      return { ...state, search: { ...search, status: 'failed', failure: action.failure, results: [] } }
    default:
      return { ...state, search: emptySearch }
  }
}

const byId = <T extends { id: string }>(items: readonly T[]): Record<string, T> =>
  Object.fromEntries(items.map((item) => [item.id, item]))

/** The page's state after what has happened. */
export const reduce = (state: State, action: Action): State => {
  switch (action.type) {
    case 'list-requested':
      return withList(state, action.list, { status: 'loading', failure: undefined })
    case 'list-received': {
      const { list, page, pinned } = action
      const known = pinned ? forgetList(state, list) : state
      const conversations = { ...known.conversations, ...byId([...page.data, ...(pinned ?? [])]) }
      return withList({ ...known, conversations }, list, { status: 'ready', next: page.next_cursor })
    }
    case 'list-failed':
      return withList(state, action.list, { status: 'failed', failure: action.failure })
    case 'conversation-received': {
      const { conversation } = action
      return { ...state, conversations: { ...state.conversations, [conversation.id]: conversation } }
    }
    case 'conversation-deleted': {
      const { id } = action
      const next = {
        ...state,
        conversations: without(state.conversations, id),
        threads: without(state.threads, id),
        search: {
          ...state.search,
          results: state.search.results.filter((one) => one.conversation_id !== id),
        },
      }
      return state.open === id ? open(next, newDraftId()) : next
    }
    case 'opened':
      return open(state, action.id, action.target)
    case 'target-shown':
      return { ...state, target: undefined }
    case 'thread-requested':
      return withThread(state, action.id, (thread) => ({ ...thread, status: 'loading', failure: undefined }))
    case 'thread-received':
      return withThread(state, action.id, (thread) => addPage(thread, action))
    case 'thread-failed': {
      const { id, failure } = action
      const isGone = kindOf(failure) === 'not-found'
      const known = isGone ? { ...state, conversations: without(state.conversations, id) } : state
      return withThread(known, id, ({ messages, ...thread }) => ({
        ...thread,
        messages: isGone ? [] : messages,
        status: 'failed',
        failure,
      }))
    }
    case 'thread-forgotten':
      return { ...state, threads: without(state.threads, action.id) }
    case 'message-received': {
      const { message } = action
      if (!state.threads[message.conversation_id]) return state
      return withThread(state, message.conversation_id, (thread) => ({
        ...thread,
        messages: thread.messages.map((one) => (one.id === message.id ? message : one)),
      }))
    }
    case 'turn-found':
      return withThread(keepUnsent(state, action.id), action.id, (thread) => findTurn(thread, action.turnId))
    case 'drafted':
      return { ...state, drafts: { ...state.drafts, [action.id]: action.text } }
    case 'choices-received':
      return { ...state, models: action.models, assistants: action.assistants }
    case 'model-chosen':
      return { ...state, model: action.model }
    case 'assistant-chosen':
      return { ...state, assistant: action.assistant, model: undefined }
    case 'went-offline':
      return { ...state, isOffline: true }
    case 'came-online':
      return { ...state, isOffline: false }
    case 'signed-out':
      return { ...state, signedOut: action.failure }
    case 'limit-reached':
      return { ...state, limit: action.failure }
    case 'limit-passed':
      return { ...state, limit: undefined }
    case 'noticed':
      return { ...state, notice: action.notice }
    case 'notice-closed':
      return state.notice?.id === action.id ? { ...state, notice: undefined } : state
    case 'search-requested':
    case 'search-received':
    case 'search-failed':
    case 'search-ended':
      return reduceSearch(state, action)
    default:
      return reduceTurn(state, action)
  }
}
