const MAX_DEPTH = 100

/** Whether JSON is nested too deeply for other programs, many of which parse it recursively. */
export const isNestedTooDeep = (value: unknown): boolean => {
  let level = [value]
  for (let depth = 0; depth <= MAX_DEPTH; depth += 1) {
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []))
    if (level.length === 0) return false
  }
  return true
}
