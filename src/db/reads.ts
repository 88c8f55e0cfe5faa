import type { PendingQuery, RowList } from 'postgres'
import type { ReadOutcome } from '../metrics/metrics.js'
import type { Database, Sql } from './database.js'
import { DatabaseUnavailable } from './errors.js'
import { behind, notStandby, type Replica } from './replica.js'
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

const foreign: unknown[] = [notStandby, 'CONNECTION_NOT_STANDBY', 'CONNECTION_FOREIGN']

/** Those that say nothing of the next read: a row that vacuum has removed on the primary, a search that takes long. */
const ofOneRead: Partial<Record<string, ReadOutcome>> = {
  40001: 'conflict',
  '40P01': 'conflict',
  57014: 'slow',
}

/** Reads on a replica, and on the primary whatever that does not answer, so that a replica can do no harm. */
export const createReads = (options: ReadsOptions): ReadsAfter => {
  const { primary, replica, positions, log, onRead = () => {} } = options
  const { pauseMs = 5_000, now = () => performance.now() } = options
  let isFailing = false
  let pausedUntil = Number.NEGATIVE_INFINITY

  const pause = (): void => {
    pausedUntil = now() + pauseMs
  }

  const failed = (err: unknown, outcome: ReadOutcome): void => {
    pause()
    if (!isFailing)
      log.warn({ err, reason: outcome }, 'the read replica fails: the primary is read meanwhile')
    isFailing = true
  }

  /** What the replica has to have, or why it is not asked. */
  const needed = (after: string | undefined): { position: WalPosition } | { outcome: ReadOutcome } => {
    if (after === undefined || !isWalPosition(after)) return { outcome: 'no_token' }
    if (now() < pausedUntil) return { outcome: 'paused' }
    const oldest = positions.oldest()
    if (oldest === undefined) return { outcome: 'unobserved' }
    // One read tries whether it works again; the others wait for that.
    if (isFailing) pause()
    return { position: after > oldest ? after : oldest }
  }

  const judge = (error: unknown, isOwnWrite: boolean): ReadOutcome => {
    const code = codeOf(error)
    if (code === behind && isOwnWrite) return 'behind'
    const outcome = ofOneRead[String(code)]
    if (outcome) return outcome
    const fault = code === behind ? 'lagging' : foreign.includes(code) ? 'not_standby' : 'unavailable'
    failed(error, fault)
    return fault
  }

  return (after) => {
    let isPrimary = false

    const read = async <T>(
      onReplica: (position: WalPosition) => Promise<T>,
      onPrimary: () => Promise<T>,
      isFound: (result: T) => boolean,
    ): Promise<T> => {
      const asked = needed(after)
      let outcome: ReadOutcome
      if ('outcome' in asked) outcome = asked.outcome
      else {
        try {
          const result = await onReplica(asked.position)
          if (isFailing) log.info({}, 'the read replica answers again')
          isFailing = false
          pausedUntil = Number.NEGATIVE_INFINITY
          outcome = isFound(result) ? 'replica' : 'not_found'
          if (outcome === 'replica') {
            onRead(outcome)
            return result
          }
        } catch (error) {
          outcome = judge(error, asked.position === after)
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
      position: () => (isPrimary || after === undefined ? positions.latest() : after),
    }
  }
}
