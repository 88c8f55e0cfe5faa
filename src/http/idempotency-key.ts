/**
 * Reads the key from a validated header: bare, or a structured field's quoted string (RFC 9651, section 3.3.3). Both
 * spellings are the same key.
 */
export const parseIdempotencyKey = (header: string | undefined): string | undefined =>
  header?.startsWith('"') ? header.slice(1, -1).replace(/\\(["\\])/g, '$1') : header
