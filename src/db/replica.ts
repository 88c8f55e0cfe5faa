import type { Database, Sql } from './database.js'
import { connectionError } from './errors.js'
import { toLsn, type WalPosition } from './wal-positions.js'

/** What a read on a replica is refused with; the messages are for the log. */
export const notStandby = 'CQ002'
export const behind = 'CQ003'

export const isNotStandby = (error: unknown): boolean => (error as { code?: unknown }).code === notStandby

/** A database of a cluster and of its physical standbys, and of no other: as a text. */
export const identity = `(
  select c.system_identifier::text || ' ' || d.oid
  from pg_catalog.pg_control_system() c, pg_catalog.pg_database d
  where d.datname = pg_catalog.current_database())`

export const readIdentity = async (db: Database): Promise<string> => {
  const [row] = await db.statement(
    (sql) => sql<[{ identity: string }]>`select ${sql.unsafe(identity)} as identity`,
    'others',
  )
  return row.identity
}

/** Fails the transaction unless the server is a standby that has replayed the log up to the position. */
export const requireReplayed = (position: WalPosition): string => `
  do $$
  begin
    if not pg_catalog.pg_is_in_recovery() then
      raise exception 'the server is no standby' using errcode = '${notStandby}';
    elsif (pg_catalog.pg_last_wal_replay_lsn() >= '${toLsn(position)}'::pg_catalog.pg_lsn) is not true then
      raise exception 'the replica has replayed the log up to %, and % is needed',
        pg_catalog.pg_last_wal_replay_lsn(), '${toLsn(position)}' using errcode = '${behind}';
    end if;
  end $$`

interface ReplicaState {
  is_standby: boolean
  identity?: string
}

/** Throws unless the server is a standby of the primary that has this identity. */
export const assertReplicaOf = (primary: string, { is_standby, identity }: ReplicaState): void => {
  if (!is_standby) throw connectionError('NOT_STANDBY', 'the server is no standby')
  if (identity !== primary)
    throw connectionError('FOREIGN', 'the server is a standby of another database than that of DATABASE_URL')
}

/** What a standby shows, and a position after all of that. */
export interface Replayed<T> {
  result: T
  position: WalPosition
}

/** Reads that a physical standby answers. */
export interface Replica {
  /**
   * Runs `work` as Database.asUser does, if the standby has replayed its log up to the position, in the same round trip; otherwise rejects
   * with the error code `behind`, or `notStandby`.
   */
  asUser<T>(userId: string, position: WalPosition, work: (sql: Sql) => PromiseLike<T>): Promise<Replayed<T>>
  close(graceMs?: number): Promise<void>
}
