import type { Database } from '../../db/database.js'
import { type Metrics, noMetrics } from '../../metrics/metrics.js'
import type { Tracing } from '../../tracing/tracing.js'
import { type BeginTurn, type Begun, beginTurns } from './begin-turns.js'
import { cancelTurn } from './cancel-turn.js'
import { type Ended, type EndTurn, endTurns } from './end-turns.js'
import { createGroupCommit, type GroupCommitOptions } from './group-commit.js'
import { interruptTurn } from './interrupt-turn.js'
import { pruneIdempotencyKeys } from './prune-idempotency-keys.js'
import { pruneUpdates } from './prune-updates.js'
import { readTurn } from './read-turn.js'
import { type RemoveExpired, removeExpired } from './remove-expired.js'
import { type SetTitle, setTitle } from './set-title.js'
import { type ClaimSummary, claimSummary, type StoreSummary, storeSummary } from './summaries.js'
import { type SyncEntry, syncAttempts } from './sync-attempts.js'
import { type WaitMessage, waitMessages } from './wait-messages.js'

/** All SQL calls of the engine. Turns that begin or end at the same time share a statement. */
interface TurnStoreOptions {
  metrics?: Metrics | undefined
  tracing?: Tracing | undefined
}

export const createTurnStore = (db: Database, { metrics = noMetrics, tracing }: TurnStoreOptions = {}) => {
  const watched = <Entry, Answer extends { outcome: string }>(
    kind: Parameters<Metrics['batch']>[0],
    options: GroupCommitOptions<Entry, Answer>,
  ) =>
    createGroupCommit<Entry, Answer>({
      ...options,
      send: (entries, mayWait) => options.send(entries, mayWait).finally(metrics.batch(kind, entries.length)),
      onReady: (waiting) => metrics.gauge('batch_waiting_entries', waiting, kind),
    })

  /** A batch goes to the node that has the rows of all its users. */
  const groupOf = ({ userId }: { userId: string }) => db.nodeOf(userId)

  return {
    beginTurn: watched<BeginTurn, Begun>('begin', {
      send: (turns, mayWait) => beginTurns(db, turns, mayWait),
      sizeOf: ({ message }) => message.length,
      ownerOf: ({ userId }) => userId,
      groupOf,
      maxWaitingOfOwner: 2,
      tracing: tracing?.batches('begin_turns'),
    }),
    endTurn: watched<EndTurn, Ended>('end', {
      send: (turns, mayWait) => endTurns(db, turns, mayWait),
      groupOf,
      // Tool results are rare and limited in size, so an estimate will do.
      sizeOf: ({ answer }) => answer.text.length + answer.tool_calls.length * 1_000,
      tracing: tracing?.batches('end_turns'),
    }),
    waitMessage: watched<WaitMessage, { outcome: 'waiting' | 'limited' }>('wait', {
      send: (messages) => waitMessages(db, messages),
      sizeOf: () => 1,
      ownerOf: ({ userId }) => userId,
      groupOf,
      tracing: tracing?.batches('wait_messages'),
    }),
    syncAttempts: (entries: readonly SyncEntry[], leaseMs: number) => syncAttempts(db, entries, leaseMs),
    interruptTurn: (userId: string, turnId: string) => interruptTurn(db, userId, turnId),
    cancelTurn: (userId: string, turnId: string) => cancelTurn(db, userId, turnId),
    readTurn: (userId: string, turnId: string) => readTurn(db, userId, turnId),
    setTitle: async (title: SetTitle) => {
      await setTitle(db, title)
      metrics.use('title', { ...title, cost: title.usage.cost })
    },
    claimSummary: (claim: ClaimSummary) => claimSummary(db, claim),
    storeSummary: async (summary: StoreSummary) => {
      await storeSummary(db, summary)
      metrics.use('summary', { ...summary, cost: summary.usage.cost })
    },
    pruneIdempotencyKeys: (limit: number) => pruneIdempotencyKeys(db, limit),
    pruneUpdates: (limit: number) => pruneUpdates(db, limit),
    removeExpired: (removal: RemoveExpired) => removeExpired(db, removal),
  }
}

export type TurnStore = ReturnType<typeof createTurnStore>
