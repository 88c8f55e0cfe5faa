const MAX_DEPTH = 100

/** Whether JSON data is nested deeper than programs can be expected to read: many do so by recursion. */
export const isNestedTooDeep = (value: unknown): boolean => {
  let level = [value]
  for (let depth = 0; depth <= MAX_DEPTH; depth += 1) {
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []))
    if (level.length === 0) return false
  }
  return true
}
