import type { Database } from './database.js'

/** A lock that a connection waits for, and who is in its way. */
export interface LockWait {
  mode: string
  object: string
  holders: string
}

const lookMs = 150

const look = async (db: Database, pid: number): Promise<LockWait | undefined> => {
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

/** Looks, from another connection, what a connection waits for; PostgreSQL's own error does not say. */
export const watchLockWaits = (db: Database) => {
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> = Promise.resolve()
  let last: LockWait | undefined

  const stop = (): void => clearInterval(timer)

  return {
    watch(pid: number): void {
      stop()
      timer = setInterval(() => {
        // What cannot be seen is not worth an error: the attempt itself goes on.
        looking = look(db, pid).then(
          (wait) => {
            last = wait ?? last
          },
          () => {},
        )
      }, lookMs)
    },
    stop,
    isWatching: () => timer !== undefined,
    /** The last wait that was seen, once no look is under way. */
    async last(): Promise<LockWait | undefined> {
      stop()
      await looking
      return last
    },
  }
}
