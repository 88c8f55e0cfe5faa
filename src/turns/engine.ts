import { setMaxListeners } from 'node:events'
import { createDeadline, type Deadline } from '../concurrency/deadline.js'
import { retry } from '../concurrency/retry.js'
import { singleFlight } from '../concurrency/single-flight.js'
import { untilAborted } from '../concurrency/until-aborted.js'
import { isUnavailable } from '../db/errors.js'
import { noMetrics } from '../metrics/metrics.js'
import type { AttemptLog } from './attempts/attempt-log.js'
import { createHeartbeat } from './attempts/heartbeat.js'
import { createLocalAttempts } from './attempts/local-attempts.js'
import { createRemoteAttempts, type OpenTurn } from './attempts/remote-attempts.js'
import { createBeginSlots } from './begin-slots.js'
import { createCompaction } from './compaction.js'
import { createConversationLock } from './conversation-lock.js'
import type { TurnEngineOptions } from './engine-options.js'
import { noInstanceLimits } from './limits.js'
import { createNewTurn } from './new-turn.js'
import { keepPruned, keepRemoved } from './retention.js'
import type { SendMessage, SendResult, WaitResult } from './send.js'
import type { BeginTurn, Begun } from './store/begin-turns.js'
import { createTurnStore } from './store/turn-store.js'
import { type Frame, readFrames } from './stream/frames.js'
import { createTitles } from './titles.js'
import { traceBegin } from './trace-turn.js'
import { createWaitingRoom, type WaitRefusal } from './waiting-room.js'

export interface TurnEngine {
  /** Begins a turn, or finds the one of its key. A turn runs until its end is stored, whether or not a client reads it. */
  send(message: SendMessage): Promise<SendResult>
  /** Waits for a turn's end: without a limit for an attempt that this request began, otherwise for up to busyWaitMs. */
  wait(sent: Extract<SendResult, { kind: 'turn' }>): Promise<WaitResult>
  /** Opens a turn for reading, on whichever instance it runs; undefined when there is no such turn. */
  open(userId: string, turnId: string): Promise<OpenTurn | undefined>
  /** The frames of an open turn after the frame `after`. Leaves the turn when the signal aborts. */
  read(turn: OpenTurn, after: string | undefined, signal: AbortSignal): AsyncIterable<readonly Frame[]>
  /** Cancels a turn, on whichever instance it runs, and waits briefly for its end. Resolves to whether the turn exists. */
  cancel(userId: string, turnId: string): Promise<boolean>
  /** Watches a turn whose lease has expired, and interrupts it unless the lease is renewed. */
  watchLapsed(userId: string, turnId: string): void
  /** Deletes expired Idempotency-Keys, old notes of changes and expired conversations periodically, until the signal aborts. */
  keepPruned(signal: AbortSignal): Promise<void>
  /** Refuses new and waiting turns, and lets the running ones end. After `graceMs` it interrupts them and stores that. */
  drain(graceMs: number): Promise<void>
}

/** With a silent database a single attempt exceeds this, so it is not retried. */
const beginTimeoutMs = 4_000
const cancelWaitMs = 2_000
/** How often is said at most that the budget for all users has too little left. */
const budgetWarningMs = 60_000

export const createTurnEngine = (options: TurnEngineOptions): TurnEngine => {
  const { db, otherModels = [], log, busyWaitMs, leaseMs, heartbeatMs, tracing } = options
  const { instanceLimits = noInstanceLimits, metrics = noMetrics } = options
  const models = new Map([options.model, ...otherModels].map((model) => [model.name, model]))
  const names = [options.model, ...otherModels].map(({ name }) => name)
  const newTurn = createNewTurn({
    ...options,
    models: names as [string, ...string[]],
    modelOf: (name) => models.get(name) ?? options.model,
  })
  const store = createTurnStore(db, { metrics, tracing })
  const heartbeat = createHeartbeat({
    ...{ store, leaseMs, log, metrics },
    groupOf: db.nodeOf,
    detached: tracing?.detached,
  })
  const titles = options.titles === 'model' ? createTitles({ store, prices: options.prices, log }) : undefined
  const compaction = options.compact ? createCompaction({ ...options, store }) : undefined
  const local = createLocalAttempts({
    ...options,
    models,
    store,
    heartbeat,
    onCompleted({ userId, conversationId, isNewConversation, message, reserved }, model, window) {
      // What they might cost is not reserved.
      if (reserved !== undefined) return
      if (isNewConversation) titles?.begin({ userId, conversationId, message, model })
      compaction?.begin({ userId, conversationId, window, model })
    },
  })
  const remote = createRemoteAttempts({ store, heartbeat })
  const waitingRoom = createWaitingRoom({ store, max: instanceLimits.waitingMessages, waitMs: busyWaitMs })
  metrics.gauge('running_turns', local.count)
  metrics.gauge('waiting_messages', waitingRoom.count)
  const drained = new AbortController()
  // Every waiting request listens to it.
  setMaxListeners(0, drained.signal)
  /** requests that may still begin a turn */
  const sending = new Set<Promise<unknown>>()

  const warnOfBudget = singleFlight(budgetWarningMs, async () =>
    log.warn({ budget: options.totalBudget }, 'messages are refused: the budget for all users is used up'),
  )

  const untilEnded = async (userId: string, turnId: string, signal: AbortSignal): Promise<void> => {
    const ended = local.get(userId, turnId)?.attemptLog.ended
    await (ended ? untilAborted(ended, signal) : heartbeat.untilEnded(userId, turnId, signal)).catch(() => {})
  }

  const watchLapsed = (userId: string, turnId: string): void => {
    if (!local.get(userId, turnId)) heartbeat.watchLapsed(userId, turnId, drained.signal)
  }

  const slots = createBeginSlots({
    // Retries reuse the ids, so a begin whose response was lost is found rather than repeated.
    begin: (turn) => retry(() => store.beginTurn(turn), { when: isUnavailable, forMs: beginTimeoutMs }),
    running: local.count,
    max: instanceLimits.runningTurns,
  })

  const beginWhenFree = createConversationLock({
    begin: slots.begin,
    enter: waitingRoom.enter,
    runsHere: (userId, turnId) => local.get(userId, turnId) !== undefined,
    untilEnded,
    untilEndedOrRenewed: (...turn) => heartbeat.untilEndedOrRenewed(...turn).catch(() => {}),
    watchLapsed,
  })

  const open = async (userId: string, turnId: string): Promise<OpenTurn | undefined> => {
    const here = local.get(userId, turnId)
    return here ? { attemptLog: here.attemptLog, leave: () => {} } : remote.open(userId, turnId)
  }

  const toSendResult = async (turn: BeginTurn, begun: Begun | WaitRefusal): Promise<SendResult> => {
    switch (begun.outcome) {
      case 'begun': {
        const attemptLog = local.start(turn, begun)
        slots.release()
        return { kind: 'turn', replayed: false, attemptLog, leave: () => {} }
      }
      case 'limited':
        if (begun.refusal.limit === 'budget') void warnOfBudget()
        // Those of a dead instance count until they are interrupted.
        for (const turnId of begun.refusal.lapsed) watchLapsed(turn.userId, turnId)
        return { kind: 'limited', refusal: begun.refusal }
      case 'attached':
      case 'ended': {
        const opened = await open(turn.userId, begun.turn_id)
        return opened ? { kind: 'turn', replayed: true, ...opened } : { kind: 'not-found' }
      }
      case 'busy':
        if (drained.signal.aborted) return { kind: 'shutting-down' }
        return { kind: 'busy', conversationId: begun.conversation_id, turnId: begun.turn_id }
      case 'unfit-model':
        return { kind: 'unknown-model', known: options.assistants.get(begun.assistant)?.models ?? [] }
      case 'locked':
        throw new Error('begin_turns answered locked although it may wait')
      default:
        return { kind: begun.outcome }
    }
  }

  const begin = async (turn: BeginTurn, deadline: Deadline): Promise<SendResult> => {
    try {
      return await toSendResult(turn, await beginWhenFree(turn, deadline))
    } finally {
      deadline.end()
    }
  }

  return {
    async send(message) {
      const turn = newTurn(message)
      if ('kind' in turn) return turn
      if (drained.signal.aborted) return { kind: 'shutting-down' }
      const sent = traceBegin(tracing, turn, () => begin(turn, createDeadline(busyWaitMs, drained.signal)))
      sending.add(sent)
      try {
        return await sent
      } finally {
        sending.delete(sent)
      }
    },

    async wait({ attemptLog, replayed, leave }) {
      const first = replayed ? undefined : await attemptLog.ended
      if (first && first.kind !== 'superseded') return first
      const seat = attemptLog.fate ? undefined : waitingRoom.attach(attemptLog.ids.userId)
      if (!attemptLog.fate && !seat) {
        leave()
        return { kind: 'overloaded' }
      }
      const deadline = createDeadline(busyWaitMs, drained.signal)
      let turn: { attemptLog: AttemptLog; leave(): void } | undefined = { attemptLog, leave }
      try {
        for (;;) {
          const { ended } = turn.attemptLog
          const fate = await untilAborted(ended, deadline.signal()).catch(() => turn?.attemptLog.fate)
          if (fate?.kind !== 'superseded') return fate ?? { kind: 'key-in-use' }
          turn.leave()
          turn = await open(attemptLog.ids.userId, attemptLog.ids.turnId)
          if (!turn) return { kind: 'not-found' }
        }
      } finally {
        deadline.end()
        turn?.leave()
        seat?.leave()
      }
    },

    open,

    read({ attemptLog, leave }, after, signal) {
      signal.addEventListener('abort', leave, { once: true })
      return readFrames(attemptLog, { after, heartbeatMs, signal })
    },

    async cancel(userId, turnId) {
      const outcome = await store.cancelTurn(userId, turnId)
      if (outcome === 'requested') {
        local.get(userId, turnId)?.stop('cancel')
        const deadline = createDeadline(cancelWaitMs, drained.signal)
        await untilEnded(userId, turnId, deadline.signal()).finally(deadline.end)
      }
      return outcome !== 'not-found'
    },

    watchLapsed,

    keepPruned: async (signal) =>
      void (await Promise.all([
        keepPruned({ store, log }, signal),
        keepRemoved({ ...options, store }, signal),
      ])),

    async drain(graceMs) {
      drained.abort()
      remote.handOver()
      const timer = setTimeout(local.shutDown, graceMs)
      await Promise.allSettled([...sending, titles?.stop(), compaction?.stop()])
      await local.ended()
      clearTimeout(timer)
    },
  }
}
