import type { Sql } from './database.js'
import { connectionError } from './errors.js'

interface ServerState {
  is_standby: boolean
  is_read_only: boolean
}

/** Throws if the server is read-only. */
export const assertWritable = ({ is_standby, is_read_only }: ServerState): void => {
  if (is_standby) throw connectionError('READ_ONLY', 'the server is a read-only standby')
  if (is_read_only) {
    throw connectionError('READ_ONLY', 'the server takes no writes: default_transaction_read_only is on')
  }
}

/** Checks inside a transaction, without writing. */
export const assertServerWritable = async (sql: Sql): Promise<void> => {
  const [state] = await sql<[ServerState]>`
    select pg_catalog.pg_is_in_recovery() as is_standby,
      pg_catalog.current_setting('transaction_read_only') = 'on' as is_read_only`
  assertWritable(state)
}
