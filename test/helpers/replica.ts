import type postgres from 'postgres'
import type { Test } from 'tap'
import { connect, connectReplica } from '../../src/db/connect.js'
import { readIdentity } from '../../src/db/replica.js'
import { createWalPositions } from '../../src/db/wal-positions.js'
import { type Metrics, noMetrics, type ReadOutcome } from '../../src/metrics/metrics.js'
import { testApp } from './app.js'
import { type Replicated, replicated } from './standby.js'
import { until } from './wait.js'
import { countingProxy } from './wire.js'

/** Where the primary's log is. */
export const walPosition = async (sql: postgres.Sql): Promise<string> => {
  const [row] = await sql<[{ lsn: string }]>`select pg_current_wal_insert_lsn()::text as lsn`
  return row.lsn
}
/** A primary and its standby, which confirms no commit. */
export const asynchronousStandby = async (t: Test): Promise<Replicated> => {
  const cluster = await replicated(t)
  await cluster.onPrimary.unsafe('alter system reset synchronous_standby_names')
  await cluster.onPrimary`select pg_reload_conf()`
  return cluster
}

/** An app whose reads may go to the standby. */
export const replicaScene = async (t: Test, cluster: Replicated, prepare: 'auto' | 'off' = 'auto') => {
  const { primary, standby, onPrimary, onStandby } = cluster
  const wire = await countingProxy(t, standby.url)
  // However slow a busy machine is, only what the tests do makes the replica lag.
  const positions = createWalPositions(600_000)
  const db = connect({ url: primary.url, max: 5, prepare, positions })
  const replica = connectReplica({
    url: wire.url,
    max: 2,
    prepare,
    replicaOf: await readIdentity(db),
  })
  t.teardown(() => replica.close(0))
  const outcomes: ReadOutcome[] = []
  const metrics: Metrics = { ...noMetrics, read: (outcome) => outcomes.push(outcome) }
  const readReplica = { replica, positions }
  const app = await testApp(t, { databaseUrl: primary.url, db, readReplica, metrics })

  const caughtUp = async () => {
    const here = await walPosition(onPrimary)
    // Also what nobody has waited for is on its way.
    await onPrimary`select pg_switch_wal()`
    await until(async () => {
      const [row] = await onStandby<[{ is_there: boolean }]>`
        select pg_last_wal_replay_lsn() >= ${here}::text::pg_lsn as is_there`
      return row.is_there
    }, 'the standby to catch up')
  }
  return {
    ...cluster,
    ...app,
    outcomes,
    readReplica,
    wire,
    caughtUp,
    pause: async () => {
      await caughtUp()
      await onStandby`select pg_wal_replay_pause()`
      await until(async () => {
        const [row] = await onStandby<[{ state: string }]>`select pg_get_wal_replay_pause_state() as state`
        return row.state === 'paused'
      }, 'the replay to pause')
    },
    resume: async () => {
      await onStandby`select pg_wal_replay_resume()`
      await caughtUp()
    },
    read: async (path: string, token?: string, user = 'alice') => {
      const headers = token === undefined ? undefined : { 'consistency-token': token }
      const before = outcomes.length
      const answer = await app.call('GET', `/api/${user}${path}`, { user, ...(headers && { headers }) })
      return {
        status: answer.status,
        body: answer.body,
        text: answer.text,
        token: answer.headers.get('consistency-token') ?? '',
        from: outcomes.slice(before).join(' '),
      }
    },
  }
}
