import type { Dialect } from './dialect.js'
import { endingOf } from './finish-reasons.js'

/** What a server writes on every event while the response goes on, as others write null. */
const placeholder = /^(null|none|(\w+[_-])?unspecified|in[_-]?progress|incomplete|running)?$/i

/**
 * Reads the finish reasons of a response's events. Some servers write `""` once, on their last event, which ends the response; others
 * write it, or a placeholder, on every event, as they would null. A last `stop` takes no failure and no limit back.
 */
export const createBlankFinish = (dialect: Pick<Dialect, 'finishReasons'>) => {
  let blanks = 0
  let isLast = false
  let given: string | undefined
  /** Whether a word ends the response in another way than `stop` does. */
  const isEnd = (word: string): boolean =>
    !['stop', 'other'].includes(endingOf(dialect, { finishReason: 'other', rawFinishReason: word }))
  return {
    /** Takes each event's finish reason, in order; returns it without its blanks. */
    read(reason: unknown): unknown {
      isLast = reason === ''
      if (isLast) blanks += 1
      if (reason === false || (typeof reason === 'string' && placeholder.test(reason))) return null
      if (reason === null || reason === undefined || typeof reason === 'object') return reason
      const word = String(reason)
      if (given !== undefined && isEnd(given) && !isEnd(word)) return null
      given = word
      return word
    },
    hasEnded: (): boolean => given !== undefined,
    /** Whether the response ended with a blank reason. */
    endsWhole: (isDone: boolean): boolean => given === undefined && isLast && (isDone || blanks === 1),
  }
}
