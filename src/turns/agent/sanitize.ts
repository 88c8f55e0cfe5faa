/** PostgreSQL cannot store NUL, and stores a lone surrogate as a different character. */
const sanitizeText = (text: string): string => text.replaceAll('\0', '\uFFFD').toWellFormed()

/** The same for JSON, where both are always escaped. An escaped backslash does not start an escape. */
export const sanitizeJson = <T>(value: T): T =>
  JSON.parse(
    JSON.stringify(value).replace(/\\(?:u(?:0000|d[89a-f][\da-f]{2})|.)/g, (found) =>
      /^\\u(0000|d)/.test(found) ? '\uFFFD' : found,
    ),
  )

const endsInHalf = (text: string): boolean => (text.charCodeAt(text.length - 1) & 0xfc00) === 0xd800

/**
 * Sanitizes a model's output so that the stream, the stored events and the stored answer are equal. A surrogate pair that
 * the model splits between two deltas is emitted whole, with the second.
 */
export const createSanitizer = () => {
  let half = ''
  return {
    text(delta: string): string {
      const text = half + delta
      half = endsInHalf(text) ? text.slice(-1) : ''
      return sanitizeText(half ? text.slice(0, -1) : text)
    },
    /** the remainder at the end of the text */
    rest(): string {
      if (half === '') return ''
      const text = half
      half = ''
      return sanitizeText(text)
    },
  }
}
