/** PostgreSQL cannot store a NUL, and stores a lone surrogate as another character. */
const sanitizeText = (text: string): string => text.replaceAll('\0', '\uFFFD').toWellFormed()

/** The same for JSON, where both can only be escapes; a backslash that is escaped itself begins none. */
export const sanitizeJson = <T>(value: T): T =>
  JSON.parse(
    JSON.stringify(value).replace(/\\(?:u(?:0000|d[89a-f][\da-f]{2})|.)/g, (found) =>
      /^\\u(0000|d)/.test(found) ? '\uFFFD' : found,
    ),
  )

const endsInHalf = (text: string): boolean => /[\ud800-\udbff]$/.test(text)

/**
 * Makes what a model says such that the stream, the stored events and the stored answer are the same. A character that
 * a model cuts in two between two pieces is kept whole, in the second.
 */
export const createSanitizer = () => {
  let half = ''
  return {
    text(delta: string): string {
      const text = half + delta
      half = endsInHalf(text) ? text.slice(-1) : ''
      return sanitizeText(half ? text.slice(0, -1) : text)
    },
    json: sanitizeJson,
    /** what is left when no more text comes */
    rest(): string {
      const text = half
      half = ''
      return sanitizeText(text)
    },
  }
}
