import { isUnavailable } from '../db/unavailable.js'
import type { Model } from '../models/model.js'
import { withdrawn } from '../models/withdrawn.js'
import { type BeginTurn, type Begun, titleOf } from './begin.js'
import { type AttemptIds, type Channel, createChannel, type TurnEnd, turnName } from './channel.js'
import { completeTurn } from './complete.js'
import type { TurnsOptions } from './interface.js'
import { readStoredTurn } from './outcome.js'
import type { Progress } from './progress.js'
import { retry } from './retry.js'
import { type AbortReason, runModel } from './run.js'
import type { Titles } from './title.js'
import { toolBytesOf, windowOf } from './tokens.js'

type Start = Extract<Begun, { outcome: 'begun' }>

/** An attempt that this instance runs. */
export interface RunningAttempt {
  channel: Channel
  stop(reason: AbortReason): void
}

export interface AttemptsOptions extends TurnsOptions {
  /** whoever may answer, by name */
  models: ReadonlyMap<string, Model>
  progress: Progress
  /** told of each new conversation whose first turn has completed */
  beginTitle: Titles['begin'] | undefined
}

/** What the completion of a turn that ran out of time still gets. */
const completeMarginMs = 5_000

/** The attempts that this instance runs, each from its begin to its stored end. */
export const createAttempts = (options: AttemptsOptions) => {
  const { db, log, models, progress, turnTimeoutMs, systemPrompt, tools } = options
  const attempts = new Map<string, RunningAttempt>()
  let isGraceOver = false

  /** How an attempt ended that another one, or another instance, has ended. */
  const readEnd = async ({ userId, turnId }: AttemptIds): Promise<TurnEnd> => {
    const stored = await readStoredTurn(db, userId, turnId).catch((err: unknown) => {
      log.warn({ turn_id: turnId, err }, 'the end of a turn could not be read')
      return 'not-read' as const
    })
    if (stored === 'not-read') return { kind: 'not-stored' }
    if (!stored) return { kind: 'not-found' }
    return stored.outcome ? { kind: 'ended', outcome: stored.outcome } : { kind: 'superseded' }
  }

  /** Runs the model, and stores how that ended. */
  const run = async (
    { userId, message, isNewConversation }: BeginTurn,
    begun: Start,
    channel: Channel,
    abort: AbortController,
  ): Promise<TurnEnd> => {
    const stop = (reason: AbortReason) => abort.abort(reason)
    const deadline = performance.now() + turnTimeoutMs + completeMarginMs
    const timer = setTimeout(stop, turnTimeoutMs, 'timeout')
    const { conversation_id, turn_id, user_message_id, message_id, attempt, history } = begun
    const model = models.get(begun.model) ?? withdrawn(begun.model)
    const release = progress.hold(channel, (state) => stop(state === 'cancel' ? 'cancel' : 'lost'))
    const { cause, ...end } = await runModel(
      model,
      { system: systemPrompt, history, message, signal: abort.signal },
      (event) => channel.push(event),
      {
        ...options,
        turnId: turn_id,
        open: async (signal) => (await tools?.open(userId, signal, toolBytesOf(options, model.name))) ?? [],
        doneCalls: begun.done_calls,
        windowTokens: windowOf(options, model.name, message),
      },
    )
    clearTimeout(timer)
    if (cause !== undefined) log.warn({ turn_id, status: end.status, err: cause }, 'turn did not complete')

    const complete = () =>
      completeTurn(db, { userId, conversationId: conversation_id, turnId: turn_id, attempt, ...end })
    // A finished answer is worth money, so its completion is tried until the deadline; the fence decides if it counts.
    const stored = await retry(complete, { when: isUnavailable, forMs: deadline - performance.now() })
      .catch((err: unknown) => {
        log.warn({ turn_id, err }, 'the end of a turn could not be stored')
        return 'not-stored' as const
      })
      .finally(release)
    if (stored === 'not-stored') return { kind: stored }
    if (stored === 'gone') return { kind: 'not-found' }
    if (stored === 'fenced') return readEnd(channel.ids)
    const { answer, status, error, retryAfter } = end
    if (status === 'completed' && isNewConversation) {
      options.beginTitle?.({
        userId,
        conversationId: conversation_id,
        message,
        title: titleOf(message),
        model,
      })
    }
    const { text: response, tool_calls, usage } = answer
    const ids = { conversation_id, turn_id, user_message_id, message_id }
    return {
      kind: 'ended',
      outcome: {
        ...ids,
        status,
        response,
        tool_calls,
        model: model.name,
        usage,
        error,
        ...(retryAfter !== undefined && { retryAfter }),
      },
    }
  }

  return {
    start(turn: BeginTurn, begun: Start): Channel {
      const channel = createChannel({
        userId: turn.userId,
        conversationId: begun.conversation_id,
        turnId: begun.turn_id,
        userMessageId: begun.user_message_id,
        messageId: begun.message_id,
        attempt: begun.attempt,
      })
      const abort = new AbortController()
      const here: RunningAttempt = { channel, stop: (reason) => abort.abort(reason) }
      const name = turnName(turn.userId, begun.turn_id)
      attempts.set(name, here)
      if (isGraceOver) here.stop('shutdown')
      void run(turn, begun, channel, abort)
        .catch((err: unknown): TurnEnd => {
          log.warn({ turn_id: begun.turn_id, err }, 'a turn could not be run')
          return { kind: 'not-stored' }
        })
        .then((end) => {
          if (attempts.get(name) === here) attempts.delete(name)
          channel.close(end)
        })
      return channel
    },

    running: (userId: string, turnId: string): RunningAttempt | undefined =>
      attempts.get(turnName(userId, turnId)),

    /** Stops those that run, and those that begin from now on. */
    shutDown(): void {
      isGraceOver = true
      for (const { stop } of attempts.values()) stop('shutdown')
    },

    /** Until those that run have ended. */
    async ended(): Promise<void> {
      await Promise.all([...attempts.values()].map(({ channel }) => channel.ended))
    },
  }
}
