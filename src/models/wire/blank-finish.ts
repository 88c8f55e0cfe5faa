/**
 * Tells a blank finish reason that ends a response from one that says nothing. Some servers write `""` once, on their last
 * event; others write `""`, `"null"` or `"None"` on every event, as they would null. A last `stop` takes no other reason back.
 */
export const createBlankFinish = () => {
  let blanks = 0
  let isLast = false
  let given: string | undefined
  return {
    /** Takes each event's finish reason, in order; returns it without its blanks. */
    read(reason: unknown): unknown {
      isLast = reason === ''
      if (isLast) blanks += 1
      if (reason === false || (typeof reason === 'string' && /^(null|none)?$/i.test(reason))) return null
      if (reason === null || reason === undefined || typeof reason === 'object') return reason
      const word = String(reason)
      if (/^stop$/i.test(word) && given !== undefined) return null
      given = word
      return word
    },
    /** Whether the response ended with a blank reason. */
    endsWhole: (isDone: boolean): boolean => given === undefined && isLast && (isDone || blanks === 1),
  }
}
