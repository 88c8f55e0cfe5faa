import { setMaxListeners } from 'node:events'
import { DatabaseUnavailable } from '../db/unavailable.js'
import { withdrawn } from '../models/withdrawn.js'
import { type BeginTurn, type Begun, beginTurn } from './begin.js'
import { cancelTurn } from './cancel.js'
import { type AttemptIds, type Channel, createChannel, type TurnEnd, turnName } from './channel.js'
import { completeTurn } from './complete.js'
import { follow } from './follow.js'
import { createFollowed } from './followed.js'
import type { OpenTurn, Sent, Turns, TurnsOptions } from './interface.js'
import { createLine } from './line.js'
import { readStoredTurn } from './outcome.js'
import { createPatience, type Patience } from './patience.js'
import { createProgress } from './progress.js'
import { retry } from './retry.js'
import { type AbortReason, runModel } from './run.js'
import { untilAborted } from './until-aborted.js'

export type * from './interface.js'

type Start = Extract<Begun, { outcome: 'begun' }>

/** an attempt that this instance runs */
interface RunningTurn {
  abort: AbortController
  channel: Channel
}

const beginTimeoutMs = 5_000
/** What the completion of a turn that ran out of time still gets. */
const completeMarginMs = 5_000
const cancelWaitMs = 2_000
const unavailable = (error: unknown): boolean => error instanceof DatabaseUnavailable

export const createTurns = (options: TurnsOptions): Turns => {
  const { db, otherModels = [], newId, log, turnTimeoutMs, busyWaitMs, leaseMs, heartbeatMs } = options
  const models = new Map([options.model, ...otherModels].map((model) => [model.name, model]))
  const progress = createProgress({ db, leaseMs, log })
  const line = createLine()
  const running = new Map<string, RunningTurn>()
  const followed = createFollowed({ db, progress })
  const drained = new AbortController()
  // Everybody who waits listens to it, however many they are.
  setMaxListeners(0, drained.signal)
  /** requests that may still begin a turn */
  const sending = new Set<Promise<unknown>>()
  let isGraceOver = false

  // The ids are the same each time, so a begin whose answer was lost is found rather than done again.
  const begin = (turn: BeginTurn): Promise<Begun> =>
    retry(() => beginTurn(db, turn), { when: unavailable, forMs: beginTimeoutMs })

  const runningHere = (userId: string, turnId: string) => running.get(turnName(userId, turnId))

  const untilEnded = async (userId: string, turnId: string, signal: AbortSignal): Promise<void> => {
    const here = runningHere(userId, turnId)
    const end = here ? untilAborted(here.channel.ended, signal) : progress.untilEnded(userId, turnId, signal)
    await end.catch(() => {})
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
        await untilEnded(userId, begun.turn_id, patience.signal())
      }
    } finally {
      leave?.()
    }
  }

  /** Runs the model for the attempt that has begun, and stores its end. */
  const run = async ({ userId, message }: BeginTurn, begun: Start, turn: RunningTurn): Promise<TurnEnd> => {
    const { abort, channel } = turn
    const stop = (reason: AbortReason) => abort.abort(reason)
    const deadline = performance.now() + turnTimeoutMs + completeMarginMs
    const timer = setTimeout(stop, turnTimeoutMs, 'timeout')
    const { conversation_id, turn_id, user_message_id, message_id, attempt, history } = begun
    const model = models.get(begun.model) ?? withdrawn(begun.model)
    const release = progress.hold(channel, (state) => stop(state === 'cancel' ? 'cancel' : 'lost'))
    const { cause, ...end } = await runModel(
      model,
      { system: options.systemPrompt, history, message, signal: abort.signal },
      (event) => event.type !== 'finish' && channel.push(event),
    )
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
    if (stored === 'not-stored') return { kind: stored }
    if (stored === 'gone') return { kind: 'not-found' }
    if (stored === 'fenced') return readEnd(channel.ids)
    const { answer, status, error, retryAfter } = end
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

  const start = (turn: BeginTurn, begun: Start): OpenTurn => {
    const channel = createChannel({
      userId: turn.userId,
      conversationId: begun.conversation_id,
      turnId: begun.turn_id,
      userMessageId: begun.user_message_id,
      messageId: begun.message_id,
      attempt: begun.attempt,
    })
    const here: RunningTurn = { abort: new AbortController(), channel }
    const name = turnName(turn.userId, begun.turn_id)
    running.set(name, here)
    if (isGraceOver) here.abort.abort('shutdown' satisfies AbortReason)
    void run(turn, begun, here)
      .catch((err: unknown): TurnEnd => {
        log.warn({ turn_id: begun.turn_id, err }, 'a turn could not be run')
        return { kind: 'not-stored' }
      })
      .then((end) => {
        if (running.get(name) === here) running.delete(name)
        channel.close(end)
      })
    return { channel, leave: () => {} }
  }

  const open = async (userId: string, turnId: string): Promise<OpenTurn | undefined> => {
    const here = runningHere(userId, turnId)
    return here ? { channel: here.channel, leave: () => {} } : followed.open(userId, turnId)
  }

  const sendWith = async (turn: BeginTurn, patience: Patience): Promise<Sent> => {
    const { userId } = turn
    const begun = await beginInTurn(turn, patience)
    switch (begun.outcome) {
      case 'begun':
        return { kind: 'turn', replayed: false, ...start(turn, begun) }
      case 'attached':
      case 'ended': {
        const opened = await open(userId, begun.turn_id)
        return opened ? { kind: 'turn', replayed: true, ...opened } : { kind: 'not-found' }
      }
      case 'busy':
        if (drained.signal.aborted) return { kind: 'shutting-down' }
        return { kind: 'busy', conversationId: begun.conversation_id, turnId: begun.turn_id }
      default:
        return { kind: begun.outcome }
    }
  }

  return {
    async send({ userId, conversationId, message, model: askedModel, key }) {
      if (askedModel !== undefined && !models.has(askedModel)) {
        return { kind: 'unknown-model', known: [...models.keys()] }
      }
      if (drained.signal.aborted) return { kind: 'shutting-down' }
      const turn: BeginTurn = {
        userId,
        conversationId: conversationId ?? newId(),
        isNewConversation: conversationId === undefined,
        turnId: newId(),
        userMessageId: newId(),
        messageId: newId(),
        message,
        key,
        model: askedModel ?? options.model.name,
        askedModel,
        leaseMs,
        historyMessages: options.historyMessages,
        historyTokens: options.historyTokens,
      }
      const patience = createPatience(busyWaitMs, drained.signal)
      const sent = sendWith(turn, patience).finally(() => {
        patience.end()
        sending.delete(sent)
      })
      sending.add(sent)
      return sent
    },

    async wait({ channel, replayed, leave }) {
      const first = replayed ? undefined : await channel.ended
      if (first && first.kind !== 'superseded') return first
      const patience = createPatience(busyWaitMs, drained.signal)
      let turn: OpenTurn | undefined = { channel, leave }
      try {
        for (;;) {
          const { ended } = turn.channel
          const end = await untilAborted(ended, patience.signal()).catch(() => turn?.channel.end)
          if (end?.kind !== 'superseded') return end ?? { kind: 'key-in-use' }
          turn.leave()
          turn = await open(channel.ids.userId, channel.ids.turnId)
          if (!turn) return { kind: 'not-found' }
        }
      } finally {
        patience.end()
        turn?.leave()
      }
    },

    open,

    read({ channel, leave }, after, signal) {
      signal.addEventListener('abort', leave, { once: true })
      return follow(channel, { after, heartbeatMs, signal })
    },

    async cancel(userId, turnId) {
      const outcome = await cancelTurn(db, userId, turnId)
      if (outcome === 'requested') {
        runningHere(userId, turnId)?.abort.abort('cancel' satisfies AbortReason)
        await untilEnded(userId, turnId, AbortSignal.timeout(cancelWaitMs))
      }
      return outcome !== 'not-found'
    },

    async drain(graceMs) {
      drained.abort()
      followed.handOver()
      const timer = setTimeout(() => {
        isGraceOver = true
        for (const { abort } of running.values()) abort.abort('shutdown' satisfies AbortReason)
      }, graceMs)
      await Promise.allSettled(sending)
      await Promise.all([...running.values()].map(({ channel }) => channel.ended))
      clearTimeout(timer)
    },
  }
}
