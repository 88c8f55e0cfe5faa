/** The message of an error on one line, followed by its cause's where that adds something. */
export const errorMessage = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  // Connecting to a host with several addresses gives an error for each, and an empty message.
  const parts = error instanceof AggregateError ? error.errors.map(errorMessage).join(', ') : ''
  const own = error.message || parts
  const cause = error.cause === undefined ? '' : errorMessage(error.cause)
  return own.includes(cause) ? own : `${own} (${cause})`
}
