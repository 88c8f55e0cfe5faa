import { setMaxListeners } from 'node:events'
import { isUnavailable } from '../db/unavailable.js'
import { limited } from '../limited.js'
import { untilAborted } from '../until-aborted.js'
import { createAttempts } from './attempts.js'
import { type BeginTurn, type Begun, beginTurn } from './begin.js'
import { cancelTurn } from './cancel.js'
import { follow } from './follow.js'
import { createFollowed } from './followed.js'
import type { OpenTurn, Sent, Turns, TurnsOptions } from './interface.js'
import { createLine } from './line.js'
import { createPatience, type Patience } from './patience.js'
import { createProgress } from './progress.js'
import { retry } from './retry.js'
import { createTitles } from './title.js'
import { windowOf } from './tokens.js'

export type * from './interface.js'

/** One try of a silent database takes longer, so it is the only one. */
const beginTimeoutMs = 4_000
const cancelWaitMs = 2_000

export const createTurns = (options: TurnsOptions): Turns => {
  const { db, otherModels = [], newId, log, busyWaitMs, leaseMs, heartbeatMs } = options
  const models = new Map([options.model, ...otherModels].map((model) => [model.name, model]))
  const progress = createProgress({ db, leaseMs, log })
  const line = createLine()
  const titles = options.titles === 'model' ? createTitles({ db, log }) : undefined
  const attempts = createAttempts({ ...options, models, progress, beginTitle: titles?.begin })
  const followed = createFollowed({ db, progress })
  const drained = new AbortController()
  // Everybody who waits listens to it, however many they are.
  setMaxListeners(0, drained.signal)
  /** requests that may still begin a turn */
  const sending = new Set<Promise<unknown>>()

  // The ids are the same each time, so a begin whose answer was lost is found rather than done again.
  const begin = (turn: BeginTurn): Promise<Begun> =>
    retry(() => beginTurn(db, turn), { when: isUnavailable, forMs: beginTimeoutMs })

  const untilEnded = async (userId: string, turnId: string, signal: AbortSignal): Promise<void> => {
    const here = attempts.running(userId, turnId)
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

  const open = async (userId: string, turnId: string): Promise<OpenTurn | undefined> => {
    const here = attempts.running(userId, turnId)
    return here ? { channel: here.channel, leave: () => {} } : followed.open(userId, turnId)
  }

  const sendWith = async (turn: BeginTurn, patience: Patience): Promise<Sent> => {
    const { userId } = turn
    const begun = await beginInTurn(turn, patience)
    switch (begun.outcome) {
      case 'begun':
        return { kind: 'turn', replayed: false, channel: attempts.start(turn, begun), leave: () => {} }
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
      const model = askedModel ?? options.model.name
      const turn: BeginTurn = {
        userId,
        conversationId: conversationId ?? newId(),
        isNewConversation: conversationId === undefined,
        turnId: newId(),
        userMessageId: newId(),
        messageId: newId(),
        message,
        key,
        model,
        askedModel,
        leaseMs,
        historyMessages: options.historyMessages,
        historyTokens: windowOf(options, model, message),
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
        attempts.running(userId, turnId)?.stop('cancel')
        await limited(undefined, cancelWaitMs, (limit) => untilEnded(userId, turnId, limit)).catch(() => {})
      }
      return outcome !== 'not-found'
    },

    async drain(graceMs) {
      drained.abort()
      followed.handOver()
      const timer = setTimeout(attempts.shutDown, graceMs)
      await Promise.allSettled([...sending, titles?.stop()])
      await attempts.ended()
      clearTimeout(timer)
    },
  }
}
