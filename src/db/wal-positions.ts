/**
 * Where a primary's write-ahead log (WAL) is, in a text of fixed length: of two positions the greater text is the later one. A standby
 * that has replayed its log up to there shows all that had been committed by then.
 */
export type WalPosition = string

const position = /^[\dA-F]{16}$/

/** Before all others. */
export const beginning: WalPosition = '0'.repeat(16)

export const isWalPosition = (text: string): text is WalPosition => position.test(text)

/** PostgreSQL's own form of it, such as `16/B374D848`. */
export const toLsn = (text: WalPosition): string => `${text.slice(0, 8)}/${text.slice(8)}`

export const fromLsn = (lsn: string): WalPosition =>
  lsn
    .split('/')
    .map((half) => half.padStart(8, '0'))
    .join('')

/**
 * As a column `lsn`: a position after all that this server shows. What was committed without waiting for the disk may lie beyond
 * what is flushed; otherwise the flushed part is enough, and standbys have it sooner.
 */
export const currentLsn = `
  case pg_catalog.current_setting('synchronous_commit')
    when 'off' then pg_catalog.pg_current_wal_insert_lsn()
    else pg_catalog.pg_current_wal_flush_lsn()
  end::text as lsn`

/** How far the primary's log has come, as this instance has seen it with its own transactions. */
export interface WalPositions {
  /** Called before a transaction asks for the position, and its result with the answer: nothing when that was lost. */
  ask(): (lsn: string | undefined) => void
  /** A position after all that this instance has read or written on the primary so far. Undefined when that is not known. */
  latest(): WalPosition | undefined
  /** What a standby must have replayed in order to lag by no more than `maxLagMs`. Undefined when this instance does not know. */
  oldest(): Sample | undefined
}

interface Sample {
  position: WalPosition
  /** Whether the primary was there nearly `maxLagMs` ago: a standby that is not there yet lags. */
  isOld: boolean
}

const samplesPerLag = 10
/** How much of `maxLagMs` has to have passed since a sample that is old; less than what lies between two samples is missing. */
const oldShare = 0.8

export const createWalPositions = (maxLagMs: number, now = () => performance.now()): WalPositions => {
  /** since the last loss */
  let greatest = beginning
  /** whether that covers what was lost */
  let isCovered = false
  let asked = 0
  let lostAt = 0
  /** some of the last `maxLagMs`; each has the time before it was asked for */
  const samples: { at: number; position: WalPosition }[] = []
  const dropUntil = (time: number): void => {
    while (samples[0] && samples[0].at < time) samples.shift()
  }

  return {
    ask() {
      asked += 1
      const number = asked
      const at = now()
      return (lsn) => {
        if (lsn === undefined) {
          // The transaction may have committed, so only what is asked from now on covers it.
          greatest = beginning
          isCovered = false
          lostAt = asked
          return
        }
        const position = fromLsn(lsn)
        // Answers overtake each other. One to a question from before the loss counts, too: its own write may be later than all others.
        if (position > greatest) greatest = position
        if (number > lostAt) isCovered = true
        const last = samples.at(-1)
        if (last && at - last.at < maxLagMs / samplesPerLag) return
        samples.push({ at, position })
        dropUntil(at - maxLagMs)
      }
    },
    latest: () => (isCovered ? greatest : undefined),
    oldest() {
      const time = now()
      dropUntil(time - maxLagMs)
      const [first] = samples
      return first && { position: first.position, isOld: time - first.at >= oldShare * maxLagMs }
    },
  }
}
