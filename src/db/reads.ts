import type { PendingQuery, RowList } from 'postgres'
import type { ReadOutcome } from '../metrics/metrics.js'
import { createCircuitBreaker } from './circuit-breaker.js'
import type { Database, Sql } from './database.js'
import { DatabaseUnavailable } from './errors.js'
import { behind, notStandby, type Replayed, type Replica } from './replica.js'
import { isWalPosition, type WalPosition, type WalPositions } from './wal-positions.js'

/** Where one request reads: on the replica where that has all that it has to, otherwise on the primary. */
export interface Reads extends Pick<Database, 'asUser'> {
  /** Runs one statement that only reads, and sets its acting user itself. */
  statement<T extends readonly (object | undefined)[]>(
    userId: string,
    work: (sql: Sql) => PendingQuery<T>,
  ): Promise<RowList<T>>
  /** As `asUser`, but rows that the replica does not have are looked for on the primary: they may be new. */
  find: Database['asUser']
  /** A position after all that these reads have shown; undefined when it is not known. */
  position(): WalPosition | undefined
}

interface ReadsOptions {
  primary: Database
  replica: Replica
  positions: WalPositions
  log: { warn(fields: object, text: string): void; info(fields: object, text: string): void }
  /** hears where a read was answered, and why */
  onRead?: ((outcome: ReadOutcome) => void) | undefined
  /** how long a replica that has failed is left alone */
  pauseMs?: number
  now?: () => number
}

/** A read that may be that of another one, later: what the replica answers has to be after this position. */
export type ReadsAfter = (position: string | undefined) => Reads

/** Without a replica everything is read on the primary. */
export const primaryReads =
  (primary: Database): ReadsAfter =>
  () => ({
    asUser: primary.asUser,
    find: primary.asUser,
    statement: (userId, work) => primary.statement(work, 'others', userId),
    position: () => undefined,
  })

const codeOf = (error: unknown): unknown => {
  const { code } = (error instanceof DatabaseUnavailable ? error.cause : error) as { code?: unknown }
  return code
}

/** Of a server that is not this primary's standby. */
const foreign: unknown[] = [notStandby, 'CONNECTION_NOT_STANDBY', 'CONNECTION_FOREIGN']
/** A function or a table is missing: no read will be answered. */
const outdated: unknown[] = ['42883', '42P01']

/** Those that say nothing of the next read: a row that vacuum has removed on the primary, a search that takes long. */
const ofOneRead: Partial<Record<string, ReadOutcome>> = {
  40001: 'conflict',
  '40P01': 'conflict',
  57014: 'slow',
}

/** So many slow reads with no answer between them are no longer each one's own matter. */
const maxSlow = 3

interface Needed {
  position: WalPosition
  /** whether a standby that is not there yet lags */
  isOld: boolean
}

/** Why a read was not answered, and whether the next one will not be either. */
const judge = (error: unknown, isOld: boolean): { outcome: ReadOutcome; isFault: boolean } => {
  const code = codeOf(error)
  if (code === behind) return { outcome: isOld ? 'lagging' : 'behind', isFault: isOld }
  if (foreign.includes(code)) return { outcome: 'not_standby', isFault: true }
  const outcome = ofOneRead[String(code)]
  if (outcome) return { outcome, isFault: false }
  if (error instanceof DatabaseUnavailable || outdated.includes(code))
    return { outcome: 'unavailable', isFault: true }
  return { outcome: 'error', isFault: false }
}

/** Reads on a replica, and on the primary whatever that does not answer, so that a replica can do no harm. */
export const createReads = (options: ReadsOptions): ReadsAfter => {
  const { primary, replica, positions, log, onRead = () => {} } = options
  const { pauseMs = 5_000, now = () => performance.now() } = options
  let cause: object = {}
  let slowInARow = 0
  const breaker = createCircuitBreaker({
    pauseMs,
    now,
    onOpen: () => log.warn(cause, 'the read replica fails: the primary is read meanwhile'),
    onClose: () => log.info({}, 'the read replica answers again'),
  })

  /** What the replica has to have, or why it is not asked. */
  const needed = (after: string | undefined): Needed | { outcome: ReadOutcome } => {
    if (after === undefined || !isWalPosition(after)) return { outcome: 'no_token' }
    const oldest = positions.oldest()
    if (oldest === undefined) return { outcome: 'unobserved' }
    if (!breaker.mayTry()) return { outcome: 'paused' }
    return after > oldest.position ? { position: after, isOld: false } : oldest
  }

  const answered = (): void => {
    slowInARow = 0
    breaker.answered()
  }

  const failed = (err: unknown, isOld: boolean): ReadOutcome => {
    const { outcome, isFault } = judge(err, isOld)
    if (outcome === 'slow') slowInARow += 1
    if (isFault || (outcome === 'slow' && slowInARow >= maxSlow)) {
      cause = { err, reason: outcome }
      breaker.failed()
    }
    return outcome
  }

  return (after) => {
    let isPrimary = false
    /** what this request's reads on the replica have shown at most */
    let shown = after

    const read = async <T>(
      onReplica: (position: WalPosition) => Promise<Replayed<T>>,
      onPrimary: () => Promise<T>,
      isFound: (result: T) => boolean,
    ): Promise<T> => {
      const asked = needed(after)
      let outcome: ReadOutcome
      if ('outcome' in asked) outcome = asked.outcome
      else {
        try {
          const { result, position } = await onReplica(asked.position)
          answered()
          outcome = isFound(result) ? 'replica' : 'not_found'
          if (outcome === 'replica') {
            // A standby behind the same URL may not have this yet.
            if (shown === undefined || position > shown) shown = position
            onRead(outcome)
            return result
          }
        } catch (error) {
          outcome = failed(error, asked.isOld)
        }
      }
      onRead(outcome)
      isPrimary = true
      return onPrimary()
    }

    const readAs =
      (isFound: (result: unknown) => boolean): Database['asUser'] =>
      (userId, work) =>
        read(
          (position) => replica.asUser(userId, position, work),
          () => primary.asUser(userId, work),
          isFound,
        )

    return {
      asUser: readAs(() => true),
      statement: (userId, work) =>
        read(
          (position) => replica.asUser(userId, position, work),
          () => primary.statement(work, 'others', userId),
          () => true,
        ),
      find: readAs((rows) => (rows as unknown[]).length > 0),
      position: () => (isPrimary || after === undefined ? positions.latest() : shown),
    }
  }
}
