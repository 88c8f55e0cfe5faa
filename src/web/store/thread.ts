import type { Action } from './actions.js'
import { addEvent } from './answer.js'
import { emptyThread, type LiveTurn, type Message, type Thread } from './state.js'

type PageAction = Extract<Action, { type: 'thread-received' }>
export type TurnAction = Extract<Action, { key: string }>

/** Summaries stand for messages that are shown themselves. */
const shown = (data: readonly Message[]): Message[] => data.filter(({ role }) => role !== 'summary')

/** The thread with another page of it: the newest ones, or those before the ones it has. */
export const addPage = (thread: Thread, { page, isOlder }: PageAction): Thread => {
  const messages = shown(page.data).reverse()
  const ready = { ...thread, status: 'ready' as const, failure: undefined }
  if (isOlder) {
    const known = new Set(thread.messages.map(({ id }) => id))
    const older = messages.filter(({ id }) => !known.has(id))
    return { ...ready, messages: [...older, ...thread.messages], next: page.next_cursor }
  }
  // What was loaded before stays, as long as the branch still leads there.
  const seam = thread.messages.findIndex(({ id }) => id === messages[0]?.id)
  if (seam <= 0) return { ...ready, messages, next: page.next_cursor }
  return { ...ready, messages: [...thread.messages.slice(0, seam), ...messages] }
}

/** The messages before the place of a turn; all of them where it is not known. */
export const messagesBefore = (messages: readonly Message[], after: string | null | undefined) => {
  if (after === undefined) return messages
  if (after === null) return []
  const at = messages.findIndex(({ id }) => id === after)
  return at < 0 ? messages : messages.slice(0, at + 1)
}

/** Whether messages are missing in between: another tab's turn came before this one's. */
export const hasGap = (messages: readonly Message[]): boolean =>
  messages.some(({ parent_id }, index) => index > 0 && parent_id !== messages[index - 1]?.id)

/** Puts the stored messages of a turn where they belong: what stood behind them is on another branch. */
const storeTurn = (thread: Thread, stored: readonly Message[]): Thread => {
  const [first] = stored
  if (!first) return { ...thread, live: undefined }
  const ids = new Set(stored.map(({ id }) => id))
  const before = messagesBefore(
    thread.messages.filter(({ id }) => !ids.has(id)),
    first.parent_id,
  )
  return { ...thread, messages: [...before, ...stored], live: undefined }
}

const changeLive = (live: LiveTurn, action: TurnAction): LiveTurn => {
  switch (action.type) {
    case 'turn-named': {
      const { turnId, questionId } = action
      // Another answer stands behind its question.
      const after = live.request && !live.request.regenerate ? live.after : questionId
      const phase = live.phase === 'sending' ? 'answering' : live.phase
      return { ...live, phase, turnId, questionId, after, failure: undefined }
    }
    case 'turn-events': {
      const start = action.events.find((event) => event.type === 'start')
      return {
        ...live,
        parts: action.events.reduce(addEvent, live.parts),
        ...(start && { answerId: start.messageId }),
      }
    }
    case 'turn-restarted':
      return { ...live, parts: [], phase: 'answering', failure: undefined }
    case 'turn-stopping':
      return { ...live, phase: 'stopping' }
    case 'turn-not-stopped':
      return { ...live, phase: 'answering' }
    case 'turn-failed':
      return { ...live, phase: 'failed', failure: action.failure }
    default:
      return live
  }
}

export const changeTurn = (thread: Thread, action: TurnAction): Thread => {
  const { live } = thread
  if (action.type === 'turn-sent') {
    const { key, request, after } = action
    return { ...thread, live: { key, request, after, phase: 'sending', parts: [] } }
  }
  if (live?.key !== action.key) return thread
  if (action.type === 'turn-withdrawn') return { ...thread, live: undefined }
  if (action.type === 'turn-stored') return storeTurn(thread, action.messages)
  return { ...thread, live: changeLive(live, action) }
}

export const findTurn = (thread: Thread = emptyThread, turnId: string): Thread =>
  thread.live?.turnId === turnId
    ? thread
    : { ...thread, live: { key: turnId, turnId, phase: 'answering', parts: [] } }
