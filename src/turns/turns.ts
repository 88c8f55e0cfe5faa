import type { Database } from '../db/database.js'
import { DatabaseUnavailable } from '../db/unavailable.js'
import type { Model } from '../models/model.js'
import { type BeginTurn, type Begun, beginTurn } from './begin.js'
import { cancelTurn } from './cancel.js'
import { completeTurn } from './complete.js'
import { createLine } from './line.js'
import { readOutcome, type StoredOutcome } from './outcome.js'
import { createPatience, type Patience } from './patience.js'
import { createProgress } from './progress.js'
import { retry } from './retry.js'
import { type AbortReason, runModel } from './run.js'
import { untilAborted } from './until-aborted.js'

export interface TurnLimits {
  /** how long a turn may take, from its begin to its stored end */
  turnTimeoutMs: number
  /** how long a message waits for another turn of its conversation, or a retry for the turn of its key */
  busyWaitMs: number
  /** how long a turn is believed alive after its instance was last heard of */
  leaseMs: number
  historyMessages: number
  historyTokens: number
}

export interface TurnsOptions extends TurnLimits {
  db: Database
  model: Model
  systemPrompt: string | undefined
  /** makes a UUIDv7 */
  newId: () => string
  log: { warn(fields: object, text: string): void }
}

export interface SendMessage {
  userId: string
  /** undefined begins a new conversation */
  conversationId: string | undefined
  message: string
  /** the client's Idempotency-Key, unquoted */
  key: string | undefined
}

/** What became of a message. Only `ended` says that a turn is stored; `replayed` that an earlier request made it. */
export type SendOutcome =
  | { kind: 'ended'; outcome: StoredOutcome; replayed: boolean }
  | { kind: 'busy' | 'key-in-use' | 'not-stored'; conversationId: string; turnId: string }
  | { kind: 'not-found' | 'mismatch' | 'shutting-down' }

export interface Turns {
  /** Runs one turn to its stored end. It goes on when the caller stops waiting. */
  send(message: SendMessage): Promise<SendOutcome>
  /** Stops a turn, wherever it runs, and waits a moment for its end; false when there is no such turn. */
  cancel(userId: string, turnId: string): Promise<boolean>
  /** Refuses new turns and those that wait, lets the running ones end, and after `graceMs` interrupts and stores them. */
  drain(graceMs: number): Promise<void>
}

type Start = Extract<Begun, { outcome: 'begun' }>

const beginTimeoutMs = 5_000
/** What the completion of a turn that ran out of time still gets. */
const completeMarginMs = 5_000
const cancelWaitMs = 2_000
const unavailable = (error: unknown): boolean => error instanceof DatabaseUnavailable

export const createTurns = (options: TurnsOptions): Turns => {
  const { db, model, newId, log, turnTimeoutMs, busyWaitMs, leaseMs } = options
  const progress = createProgress({ db, leaseMs, log })
  const line = createLine()
  /** the turns that this instance runs, by their ids */
  const running = new Map<string, { abort: AbortController; end: Promise<unknown> }>()
  const drained = new AbortController()

  // The ids are the same each time, so a begin whose answer was lost is found rather than done again.
  const begin = (turn: BeginTurn): Promise<Begun> =>
    retry(() => beginTurn(db, turn), { when: unavailable, forMs: beginTimeoutMs })

  /** Resolves to whether the turn ended before the signal aborted. */
  const ended = async (userId: string, turnId: string, signal: AbortSignal): Promise<boolean> => {
    const here = running.get(turnId)
    const end = here ? untilAborted(here.end, signal) : progress.follow(userId, turnId, signal)
    await end.catch(() => {})
    return !signal.aborted
  }

  /** Begins as soon as the conversation is free; still busy when the patience is over. */
  const beginInTurn = async (turn: BeginTurn, patience: Patience): Promise<Begun> => {
    const { userId, conversationId, isNewConversation, key } = turn
    const name = `${userId} ${conversationId}`
    if (isNewConversation || key !== undefined || line.isEmpty(name)) {
      const begun = await begin(turn)
      if (begun.outcome !== 'busy') return begun
    }
    // One of those who wait here asks the database, however many they are.
    const leave = await line.enter(name, patience.signal()).catch(() => undefined)
    try {
      for (;;) {
        const begun = await begin(turn)
        if (begun.outcome !== 'busy' || patience.signal().aborted) return begun
        await ended(userId, begun.turn_id, patience.signal())
      }
    } finally {
      leave?.()
    }
  }

  /** Runs the model for the attempt that has begun, and stores its end. */
  const run = async (
    { userId, message }: BeginTurn,
    begun: Start,
    abort: AbortController,
  ): Promise<SendOutcome> => {
    const stop = (reason: AbortReason) => abort.abort(reason)
    const deadline = performance.now() + turnTimeoutMs + completeMarginMs
    const timer = setTimeout(stop, turnTimeoutMs, 'timeout')
    const { conversation_id, turn_id, user_message_id, message_id, attempt, history } = begun
    const release = progress.hold({ userId, turnId: turn_id, attempt }, (state) =>
      stop(state === 'cancel' ? 'cancel' : 'lost'),
    )
    const { cause, ...end } = await runModel(model, {
      system: options.systemPrompt,
      history,
      message,
      signal: abort.signal,
    })
    clearTimeout(timer)
    if (cause !== undefined) log.warn({ turn_id, status: end.status, err: cause }, 'turn did not complete')

    const complete = () =>
      completeTurn(db, { userId, conversationId: conversation_id, turnId: turn_id, attempt, ...end })
    // A finished answer is worth money, so its completion is tried until the deadline; the fence decides if it counts.
    const stored = await retry(complete, { when: unavailable, forMs: deadline - performance.now() })
      .catch((err: unknown) => {
        log.warn({ turn_id, err }, 'the end of a turn could not be stored')
        return 'not-stored' as const
      })
      .finally(release)
    if (stored === 'not-stored') {
      return { kind: stored, conversationId: conversation_id, turnId: turn_id }
    }
    if (stored === 'gone') return { kind: 'not-found' }
    if (stored === 'fenced') return readEnd(userId, turn_id, false)
    const { answer, status, error } = end
    const { text: response, tool_calls, usage } = answer
    const ids = { conversation_id, turn_id, user_message_id, message_id }
    return {
      kind: 'ended',
      replayed: false,
      outcome: { ...ids, status, response, tool_calls, model: model.name, usage, error },
    }
  }

  const readEnd = async (userId: string, turnId: string, replayed: boolean): Promise<SendOutcome> => {
    const outcome = await readOutcome(db, userId, turnId)
    return outcome ? { kind: 'ended', outcome, replayed } : { kind: 'not-found' }
  }

  const send = async ({ userId, conversationId, message, key }: SendMessage): Promise<SendOutcome> => {
    const turn: BeginTurn = {
      userId,
      conversationId: conversationId ?? newId(),
      isNewConversation: conversationId === undefined,
      turnId: newId(),
      userMessageId: newId(),
      messageId: newId(),
      message,
      key,
      model: model.name,
      leaseMs,
      historyMessages: options.historyMessages,
      historyTokens: options.historyTokens,
    }
    const patience = createPatience(busyWaitMs, drained.signal)
    return sendWith(turn, patience).finally(patience.end)
  }

  const sendWith = async (turn: BeginTurn, patience: Patience): Promise<SendOutcome> => {
    const { userId } = turn
    const begun = await beginInTurn(turn, patience)
    switch (begun.outcome) {
      case 'begun': {
        const abort = new AbortController()
        const end = run(turn, begun, abort)
        running.set(begun.turn_id, { abort, end })
        return end.finally(() => running.delete(begun.turn_id))
      }
      case 'ended':
        return readEnd(userId, begun.turn_id, true)
      case 'attached':
        if (await ended(userId, begun.turn_id, patience.signal())) return readEnd(userId, begun.turn_id, true)
        break
      case 'busy':
        break
      default:
        return { kind: begun.outcome }
    }
    if (drained.signal.aborted) return { kind: 'shutting-down' }
    const kind = begun.outcome === 'busy' ? 'busy' : 'key-in-use'
    return { kind, conversationId: begun.conversation_id, turnId: begun.turn_id }
  }

  return {
    send: async (message) => (drained.signal.aborted ? { kind: 'shutting-down' } : send(message)),

    async cancel(userId, turnId) {
      const outcome = await cancelTurn(db, userId, turnId)
      if (outcome === 'requested') {
        running.get(turnId)?.abort.abort('cancel' satisfies AbortReason)
        await ended(userId, turnId, AbortSignal.timeout(cancelWaitMs))
      }
      return outcome !== 'not-found'
    },

    async drain(graceMs) {
      drained.abort()
      const timer = setTimeout(() => {
        for (const { abort } of running.values()) abort.abort('shutdown' satisfies AbortReason)
      }, graceMs)
      await Promise.allSettled([...running.values()].map(({ end }) => end))
      clearTimeout(timer)
    },
  }
}
