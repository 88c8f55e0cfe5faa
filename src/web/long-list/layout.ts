/** Where the items of a windowed list are. Heights are measured for items that were shown, and guessed for the others. */

/** The guess before anything was measured, in pixels. */
const FIRST_GUESS = 120

/** The start of each item and, last, the end of all of them. Unmeasured items count as the mean of the measured ones. */
export const layOut = (keys: readonly string[], heights: ReadonlyMap<string, number>): Float64Array => {
  let sum = 0
  let measured = 0
  for (const key of keys) {
    const height = heights.get(key)
    if (height === undefined) continue
    sum += height
    measured += 1
  }
  const guess = measured > 0 ? sum / measured : FIRST_GUESS
  const starts = new Float64Array(keys.length + 1)
  keys.forEach((key, i) => {
    starts[i + 1] = (starts[i] ?? 0) + (heights.get(key) ?? guess)
  })
  return starts
}

/** The item at a distance from the top: the last one that begins at or before it. -1 when there are none. */
export const indexAt = (starts: Float64Array, top: number): number => {
  let low = 0
  let high = starts.length - 2
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((starts[middle] ?? 0) <= top) low = middle
    else high = middle - 1
  }
  return Math.min(low, high)
}

export interface Range {
  first: number
  last: number
}

/** The items that are at least in part between two distances from the top. */
export const rangeBetween = (starts: Float64Array, top: number, bottom: number): Range => ({
  first: indexAt(starts, top),
  last: indexAt(starts, bottom),
})

/** A stretch of items that are in the document, or the space that stands for those that are not. */
export type Run = { first: number; last: number } | { space: number; before: number }

/** What the document has: the items of the range, the one that must not go (it has the focus), and spaces for the rest. */
export const runsOf = (starts: Float64Array, { first, last }: Range, kept = -1): Run[] => {
  const count = starts.length - 1
  const shown: Range[] = count > 0 ? [{ first, last }] : []
  if (kept >= 0 && kept < first) shown.unshift({ first: kept, last: kept })
  if (kept > last && kept < count) shown.push({ first: kept, last: kept })
  const runs: Run[] = []
  let next = 0
  const skipTo = (index: number) => {
    const space = (starts[index] ?? 0) - (starts[next] ?? 0)
    if (index > next) runs.push({ space, before: index })
  }
  for (const range of shown) {
    skipTo(range.first)
    runs.push(range)
    next = range.last + 1
  }
  skipTo(count)
  return runs
}
