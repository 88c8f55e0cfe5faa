import type { Database } from './database.js'

/** A lock that a connection waits for, and the processes that hold it. */
export interface LockWait {
  mode: string
  object: string
  holders: string
}

const pollMs = 150

const findLockWait = async (db: Database, pid: number): Promise<LockWait | undefined> => {
  const [wait] = await db.asLogin(
    (sql) => sql<LockWait[]>`
      select l.mode,
        coalesce(l.relation::regclass::text, l.locktype) as object,
        (
          select string_agg(
            'process ' || b.pid || coalesce(' (' || nullif(a.application_name, '') || ')', ''), ', ' order by b.pid)
          from unnest(pg_blocking_pids(l.pid)) as b (pid)
          left join pg_stat_activity a on a.pid = b.pid
        ) as holders
      from pg_locks l
      where l.pid = ${pid} and not l.granted`,
  )
  return wait
}

/** Polls from a second connection for what another connection waits for, which PostgreSQL's lock timeout does not report. */
export const watchLockWaits = (db: Database) => {
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> = Promise.resolve()
  let last: LockWait | undefined

  const stop = (): void => clearInterval(timer)

  return {
    watch(pid: number): void {
      stop()
      timer = setInterval(() => {
        // A failed look must not fail the attempt that it observes.
        looking = findLockWait(db, pid).then(
          (wait) => {
            last = wait ?? last
          },
          () => {},
        )
      }, pollMs)
    },
    stop,
    isWatching: () => timer !== undefined,
    /** Stops watching and resolves with the last wait that was seen. */
    async last(): Promise<LockWait | undefined> {
      stop()
      await looking
      return last
    },
  }
}
