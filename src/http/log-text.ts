const maxLength = 200
const maxValues = 10

/** Makes untrusted text safe for a log line or a terminal: short, and without control characters. */
export const toLogText = (value: unknown): string => {
  const text = typeof value === 'string' ? value : value === undefined ? '(absent)' : `(${typeof value})`
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text
  return cut.toWellFormed().replace(/[\p{C}\u2028\u2029]/gu, '\uFFFD')
}

export const toLogTexts = (value: unknown): string | string[] => {
  if (!Array.isArray(value)) return toLogText(value)
  const shown = value.slice(0, maxValues).map(toLogText)
  return value.length > maxValues ? [...shown, `and ${value.length - maxValues} more`] : shown
}

/** A token's time claim, in seconds since 1970. */
export const toLogTime = (value: unknown): string => {
  if (typeof value !== 'number') return toLogText(value)
  const time = new Date(value * 1_000)
  return Number.isNaN(time.getTime()) ? toLogText(String(value)) : time.toJSON()
}
