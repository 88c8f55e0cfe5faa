import { kindOf } from './failure.js'
import {
  type Assistant,
  type Conversation,
  emptyThread,
  type LiveTurn,
  type Message,
  type State,
  type Thread,
} from './state.js'
import { messagesBefore } from './thread.js'

export const openThread = ({ threads, open }: State): Thread => threads[open] ?? emptyThread

export const openConversation = ({ conversations, open }: State): Conversation | undefined =>
  conversations[open]

const byLastTurn = (a: Conversation, b: Conversation): number =>
  Number(b.pinned) - Number(a.pinned) ||
  b.last_turn_at.localeCompare(a.last_turn_at) ||
  b.id.localeCompare(a.id)

/** The conversations of a list, pinned ones first, then those with the newest turns. */
export const conversationsOf = (conversations: State['conversations'], archived: boolean): Conversation[] =>
  Object.values(conversations)
    .filter((conversation) => conversation.archived === archived)
    .sort(byLastTurn)

/** What stands in the list of messages. */
export type Entry =
  | { kind: 'question'; key: string; message: Message; live?: undefined }
  | { kind: 'question'; key: string; message?: undefined; live: LiveTurn }
  | { kind: 'answer'; key: string; message: Message; live?: undefined }
  | { kind: 'answer'; key: string; message?: undefined; live: LiveTurn }

const storedEntries = new WeakMap<Message, Entry>()

/** The same entry for the same message, so that it need not be drawn again. */
const storedEntry = (message: Message): Entry => {
  const known = storedEntries.get(message)
  if (known) return known
  const kind = message.role === 'user' ? 'question' : 'answer'
  const entry: Entry = { kind, key: message.id, message }
  storedEntries.set(message, entry)
  return entry
}

/** The entries of a thread: what is stored, and the turn that is under way behind it. */
export const entriesOf = ({ messages, live }: Thread): Entry[] => {
  const before = live ? messagesBefore(messages, live.after) : messages
  const stored = before.filter(({ id }) => id !== live?.answerId).map(storedEntry)
  if (!live) return stored
  const { questionId, request, key } = live
  const isStored = before.some(({ id }) => id === questionId)
  const question: Entry[] =
    request?.message !== undefined && !isStored
      ? [{ kind: 'question', key: questionId ?? `${key}-question`, live }]
      : []
  return [...stored, ...question, { kind: 'answer', key: live.answerId ?? `${key}-answer`, live }]
}

/** Whether a turn is under way, so that it may be stopped and no other be begun. */
export const isRunning = ({ live }: Thread): boolean =>
  live !== undefined && live.phase !== 'failed' && live.phase !== 'ended'

/** The assistant of the open conversation, or the one that a new one begins with. */
export const currentAssistant = (state: State): Assistant | undefined => {
  const { assistants, assistant } = state
  const conversation = openConversation(state)
  if (conversation) return assistants.find(({ name }) => name === conversation.assistant)
  return assistants.find(({ name, is_default }) => (assistant ? name === assistant : is_default))
}

/** Whether no message can be sent for now, whatever it says. */
export const isBlocked = ({ isOffline, limit }: State): boolean => isOffline || limit !== undefined

export const isLimit = (failure: Parameters<typeof kindOf>[0]): boolean =>
  ['rate-limited', 'over-budget'].includes(kindOf(failure))
