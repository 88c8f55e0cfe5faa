import fc from 'fast-check'
import { type Context, Failure, NotSeen } from '../check.js'

interface PropertyOptions {
  runs: number
  /** how many requests the search for a smaller failing case may take */
  shrinks: number
}

/**
 * Tries generated cases until one fails, and then smaller ones of that kind: the failure that is thrown is that of the smallest. The
 * same seed draws the same cases.
 */
export const forAll = async <Case>(
  { seed, signal }: Pick<Context, 'seed' | 'signal'>,
  cases: fc.Arbitrary<Case>,
  { runs, shrinks }: PropertyOptions,
  check: (value: Case) => Promise<void>,
): Promise<void> => {
  let left = Number.POSITIVE_INFINITY
  let unseen: NotSeen | undefined
  let smallest: unknown
  const property = fc.asyncProperty(cases, async (value) => {
    // A smaller case that is not tried counts as one that does not fail, which ends the search.
    if (left <= 0 || unseen || (signal.aborted && smallest)) return
    left -= 1
    try {
      await check(value)
    } catch (error) {
      if (error instanceof NotSeen) unseen = error
      else {
        if (!smallest) left = shrinks
        smallest = error
        throw error
      }
    }
  })
  const { failed, numRuns, numShrinks } = await fc.check(property, { seed, numRuns: runs })
  if (unseen && !smallest) throw unseen
  if (!failed) return
  if (!(smallest instanceof Failure)) throw smallest
  const { message, promise, exchange } = smallest
  const found = `Found with seed ${seed} in case ${numRuns}${numShrinks > 0 ? `, made smaller ${numShrinks} times` : ''}.`
  throw new Failure(`${message} ${found}`, promise, exchange)
}
