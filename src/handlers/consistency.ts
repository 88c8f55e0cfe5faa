import type { Reads } from '../db/reads.js'

/** The header with which a response says what its client has seen. */
export const tokenOf = (reads: Reads): Record<string, string> => {
  const position = reads.position()
  return position === undefined ? {} : { 'consistency-token': position }
}
