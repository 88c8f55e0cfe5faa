import type { Database } from '../db/database.js'
import { DatabaseUnavailable } from '../db/unavailable.js'
import type { Model } from '../models/model.js'
import { beginTurn, type TurnIds } from './begin.js'
import { type Completed, completeTurn, type EndStatus, type TurnError } from './complete.js'
import type { Answer } from './fold.js'
import { retry } from './retry.js'
import { type AbortReason, runModel } from './run.js'

export interface TurnLimits {
  /** how long a turn may take, from its begin to its stored end */
  turnTimeoutMs: number
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
}

/** What became of a message. Only `ended` says that a turn is stored. */
export type SendOutcome =
  | ({ kind: 'ended'; status: EndStatus; answer: Answer; error: TurnError | null; model: string } & TurnIds)
  | { kind: 'busy'; conversationId: string; turnId: string }
  | { kind: 'not-found' }
  | { kind: 'shutting-down' }

export interface Turns {
  /** Runs one turn to its stored end. It goes on when the caller stops waiting. */
  send(message: SendMessage): Promise<SendOutcome>
  /** Refuses new turns, waits for the running ones, and after `graceMs` interrupts and stores them. */
  drain(graceMs: number): Promise<void>
}

/** A lease outlives the turn's deadline by this much, so that a slow completion is not taken for a death. */
const leaseMarginMs = 5_000
const beginTimeoutMs = 5_000
const unavailable = (error: unknown): boolean => error instanceof DatabaseUnavailable

export const createTurns = (options: TurnsOptions): Turns => {
  const { db, model, newId, log, turnTimeoutMs } = options
  const running = new Map<Promise<unknown>, AbortController>()
  let draining = false

  const send = async (
    { userId, conversationId, message }: SendMessage,
    abort: AbortController,
  ): Promise<SendOutcome> => {
    const ids: TurnIds = {
      conversationId: conversationId ?? newId(),
      turnId: newId(),
      userMessageId: newId(),
      messageId: newId(),
    }
    const begin = () =>
      beginTurn(db, {
        ...ids,
        userId,
        isNewConversation: conversationId === undefined,
        message,
        model: model.name,
        leaseMs: turnTimeoutMs + leaseMarginMs,
        historyMessages: options.historyMessages,
        historyTokens: options.historyTokens,
      })
    // The ids are the same each time, so a begin whose answer was lost is found rather than done again.
    const begun = await retry(begin, { when: unavailable, signal: AbortSignal.timeout(beginTimeoutMs) })
    if (begun.outcome === 'not-found') return { kind: 'not-found' }
    if (begun.outcome === 'busy') {
      return { kind: 'busy', conversationId: ids.conversationId, turnId: begun.running_turn_id }
    }

    const timer = setTimeout(() => abort.abort('timeout' satisfies AbortReason), turnTimeoutMs)
    const { cause, ...ended } = await runModel(model, {
      system: options.systemPrompt,
      history: begun.history,
      message,
      signal: abort.signal,
    })
    clearTimeout(timer)
    if (cause !== undefined) log.warn({ turn_id: ids.turnId, err: cause }, 'turn failed')

    const complete = () => completeTurn(db, { ...ids, ...ended, userId, attempt: 1 })
    // A finished answer is worth money, so its completion is tried for as long as the lease protects it.
    const stored: Completed = await retry(complete, {
      when: unavailable,
      signal: AbortSignal.timeout(leaseMarginMs),
    })
    if (stored === 'gone') return { kind: 'not-found' }
    if (stored === 'fenced') {
      const error: TurnError = { code: 'turn-interrupted', detail: 'Another request ended the turn first.' }
      return { kind: 'ended', ...ids, ...ended, status: 'interrupted', error, model: model.name }
    }
    return { kind: 'ended', ...ids, ...ended, model: model.name }
  }

  return {
    async send(message) {
      if (draining) return { kind: 'shutting-down' }
      const abort = new AbortController()
      const turn = send(message, abort)
      running.set(turn, abort)
      return turn.finally(() => running.delete(turn))
    },

    async drain(graceMs) {
      draining = true
      const timer = setTimeout(() => {
        for (const abort of running.values()) abort.abort('shutdown' satisfies AbortReason)
      }, graceMs)
      await Promise.allSettled(running.keys())
      clearTimeout(timer)
    },
  }
}
