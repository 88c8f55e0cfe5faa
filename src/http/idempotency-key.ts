/**
 * The client's key, from the header that the contract has validated: bare, or a quoted string of a structured field
 * (RFC 9651, section 3.3.3); both spellings are the same key.
 */
export const parseIdempotencyKey = (header: string | undefined): string | undefined =>
  header?.startsWith('"') ? header.slice(1, -1).replace(/\\(["\\])/g, '$1') : header
