/** What went wrong, in a line: an error's own words, and those of its cause where they say more. */
export const reason = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  // A host with several addresses fails with one error for each and no words of its own.
  const parts = error instanceof AggregateError ? error.errors.map(reason).join(', ') : ''
  const own = error.message || parts
  const cause = error.cause === undefined ? '' : reason(error.cause)
  return own.includes(cause) ? own : `${own} (${cause})`
}
