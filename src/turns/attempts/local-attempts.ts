import { retry } from '../../concurrency/retry.js'
import { isUnavailable } from '../../db/errors.js'
import { type Metrics, noMetrics, type TurnOutcome, type TurnWatch } from '../../metrics/metrics.js'
import type { Model } from '../../models/model.js'
import { modelOfTurn } from '../../models/model-of-turn.js'
import { costOf, type Prices } from '../../models/prices.js'
import type { ToolRegistry } from '../../tools/tool.js'
import type { Tracing } from '../../tracing/tracing.js'
import { availableTokens, fitWindow, forHistory, maxToolBytes, windowSize } from '../agent/history-window.js'
import { runModel } from '../agent/run-model.js'
import type { Assistants } from '../assistants.js'
import { createMeter } from '../budget.js'
import type { BeginTurn, Begun } from '../store/begin-turns.js'
import type { TurnStore } from '../store/turn-store.js'
import { traceAttempt } from '../trace-turn.js'
import {
  type AbortReason,
  type AttemptIds,
  type Fate,
  fateOf,
  type TurnLimits,
  turnKey,
  type WindowState,
} from '../types.js'
import { type AttemptLog, createAttemptLog } from './attempt-log.js'
import type { Heartbeat } from './heartbeat.js'

type Start = Extract<Begun, { outcome: 'begun' }>

/** An attempt that this instance runs. */
interface LocalAttempt {
  attemptLog: AttemptLog
  stop(reason: AbortReason): void
  watch: TurnWatch
}

interface LocalAttemptsOptions extends TurnLimits {
  store: TurnStore
  heartbeat: Heartbeat
  /** by name */
  models: ReadonlyMap<string, Model>
  prices?: Prices | undefined
  maxOutputTokens?: number | undefined
  assistants: Assistants
  tools?: ToolRegistry | undefined
  tracing?: Tracing | undefined
  log: { warn(fields: object, text: string): void }
  metrics?: Metrics | undefined
  /** called for each completed turn, with the window that it had */
  onCompleted(turn: BeginTurn, model: Model, window: WindowState): void
}

/** Extra time to store the end of a turn that has timed out. */
const endMarginMs = 5_000

/** What an end that was not stored is told as. */
const unstored = {
  fenced: 'lost',
  'not-found': 'deleted',
  locked: 'not_stored',
  'not-stored': 'not_stored',
} as const satisfies Record<string, TurnOutcome>

/** The attempts that this instance runs, each from its beginning to its stored end. */
export const createLocalAttempts = (options: LocalAttemptsOptions) => {
  const { store, heartbeat, log, models, turnTimeoutMs, prices, assistants, tools } = options
  const { metrics = noMetrics } = options
  const attempts = new Map<string, LocalAttempt>()
  let isGraceOver = false

  /** The fate of an attempt that another attempt or instance has ended. */
  const readFate = async ({ userId, turnId, attempt }: AttemptIds, forMs: number): Promise<Fate> =>
    retry(() => store.readTurn(userId, turnId), { when: isUnavailable, forMs }).then(
      (stored) => fateOf(stored, attempt),
      (err: unknown) => {
        log.warn({ turn_id: turnId, err }, "the turn's end could not be read")
        return { kind: 'not-stored' }
      },
    )

  /** Runs the model and stores the turn's end. */
  const run = async (
    turn: BeginTurn,
    begun: Start,
    { attemptLog, stop, watch }: LocalAttempt,
    signal: AbortSignal,
  ): Promise<Fate> => {
    const { userId } = turn
    const message = begun.message ?? turn.message
    const {
      conversation_id,
      turn_id,
      user_message_id,
      message_id,
      attempt,
      history,
      window_state: window,
    } = begun
    let windowStart = window.start
    const deadline = performance.now() + turnTimeoutMs + endMarginMs
    const timer = setTimeout(stop, turnTimeoutMs, 'timeout')
    const { claims = {} } = turn
    const lead = assistants.lead(begun.assistant, turn.askedModel, { userId, claims })
    const { system, temperature } = lead
    const model = modelOfTurn(models, begun.model, lead.model)
    const windows = { ...options, systemPrompt: system }
    const leaseHold = heartbeat.hold(attemptLog, stop)
    const { reserved } = turn
    const meter = reserved === undefined ? undefined : createMeter(options, model, reserved)
    const { cause, ...end } = await runModel(
      model,
      { system, temperature, history, message, signal },
      (event) => {
        watch.event()
        attemptLog.append(event)
      },
      {
        ...options,
        turnId: turn_id,
        open: async (signal) =>
          (await tools?.open(userId, signal, maxToolBytes(options, model.name), lead.tools)) ?? [],
        doneCalls: begun.done_calls,
        meter,
        fit(toolTokens) {
          const tokens = availableTokens(windows, model.name, message) - toolTokens
          const fitted = fitWindow(history, window, { tokens, messages: options.historyMessages })
          windowStart = fitted.start
          return fitted
        },
      },
    )
    clearTimeout(timer)
    if (cause !== undefined)
      log.warn({ turn_id, status: end.status, err: cause }, 'the turn did not complete')

    const { answer, status, model: answeredBy, error, retryAfter } = end
    const cost = meter?.cost() ?? costOf(prices?.of(answeredBy), answer.usage, answer.cacheWriteTokens)
    const storeEnd = () =>
      store.endTurn({
        userId,
        turnId: turn_id,
        attempt,
        model: answeredBy,
        status,
        answer,
        cost,
        errorCode: error?.code ?? null,
        hasEvents: leaseHold.hasEvents(),
        ...forHistory(options, answeredBy, message, answer),
        // No model is told of such a turn.
        ...((status === 'failed' || status === 'interrupted') && { continuation: null }),
        windowSize: windowSize(options, model.name),
        windowStart: windowStart === window.start ? null : windowStart,
      })
    // A finished answer has cost money, so storing it is retried until the deadline. The fence decides whether it counts.
    const { outcome } = await retry(storeEnd, { when: isUnavailable, forMs: deadline - performance.now() })
      .catch((err: unknown) => {
        log.warn({ turn_id, err }, "the turn's end could not be stored")
        return { outcome: 'not-stored' as const }
      })
      .finally(leaseHold.release)
    watch.ended({
      outcome: outcome === 'stored' ? status : unstored[outcome],
      code: error?.code,
      model: answeredBy,
      usage: answer.usage,
      cost,
    })
    if (outcome === 'fenced') return readFate(attemptLog.ids, deadline - performance.now())
    if (outcome !== 'stored') return { kind: outcome === 'not-found' ? outcome : 'not-stored' }
    // A retry by key has generated an id for a conversation that already exists.
    if (status === 'completed') {
      options.onCompleted({ ...turn, conversationId: conversation_id }, model, {
        ...window,
        start: windowStart,
      })
    }
    return {
      kind: 'ended',
      end: {
        conversation_id,
        turn_id,
        user_message_id,
        message_id,
        status,
        response: answer.text,
        tool_calls: answer.tool_calls,
        reasoning: answer.reasoning,
        finish_reason: status === 'completed' ? answer.finish_reason : null,
        model: answeredBy,
        usage: { ...answer.usage, cost },
        error,
        ...(retryAfter !== undefined && { retryAfter }),
      },
    }
  }

  return {
    start(turn: BeginTurn, begun: Start): AttemptLog {
      const attemptLog = createAttemptLog({
        userId: turn.userId,
        conversationId: begun.conversation_id,
        turnId: begun.turn_id,
        userMessageId: begun.user_message_id,
        messageId: begun.message_id,
        attempt: begun.attempt,
      })
      const abort = new AbortController()
      const attempt: LocalAttempt = {
        attemptLog,
        stop: (reason) => abort.abort(reason),
        watch: metrics.turn(),
      }
      const key = turnKey(turn.userId, begun.turn_id)
      attempts.set(key, attempt)
      if (isGraceOver) attempt.stop('shutdown')
      void traceAttempt(turn.span, begun, () => run(turn, begun, attempt, abort.signal))
        .catch((err: unknown): Fate => {
          log.warn({ turn_id: begun.turn_id, err }, 'the turn could not be run')
          return { kind: 'not-stored' }
        })
        .then((fate) => {
          if (attempts.get(key) === attempt) attempts.delete(key)
          attemptLog.close(fate)
        })
      return attemptLog
    },

    count: (): number => attempts.size,

    get: (userId: string, turnId: string): LocalAttempt | undefined => attempts.get(turnKey(userId, turnId)),

    /** Stops the running attempts, and those that begin from now on. */
    shutDown(): void {
      isGraceOver = true
      for (const { stop } of attempts.values()) stop('shutdown')
    },

    /** Resolves when all running attempts have ended. */
    async ended(): Promise<void> {
      await Promise.all([...attempts.values()].map(({ attemptLog }) => attemptLog.ended))
    },
  }
}
