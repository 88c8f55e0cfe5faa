import { createHash } from 'node:crypto'
import { Problem } from '../problems.js'

export type CursorKey = (string | number)[]

/** Validates the text of one part of a cursor's key: a pattern or another test. */
type PartShape = Pick<RegExp, 'test'>

/** A time of this millennium in JSON's format, with milliseconds. It has to exist (no 31 February, no hour 25). */
export const instant: PartShape = {
  test: (text) => /^2\d{3}-/.test(text) && new Date(text).toJSON() === text,
}

/** A message's position. */
export const position: PartShape = /^[1-9]\d{0,8}$/

/** A day of this millennium that exists. */
export const day: PartShape = { test: (text) => instant.test(`${text}T00:00:00.000Z`) }

const checksum = (scope: CursorKey, payload: string): string =>
  createHash('sha256').update(JSON.stringify(scope)).update(payload).digest('base64url').slice(0, 16)

/** Encodes the key of a page's last row as an opaque cursor. `scope` is the list with its filters. */
export const encodeCursor = (scope: CursorKey, key: CursorKey): string => {
  const payload = Buffer.from(JSON.stringify(key)).toString('base64url')
  return `${payload}.${checksum(scope, payload)}`
}

const parseKey = (payload: string): unknown => {
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString())
  } catch {
    return undefined
  }
}

/**
 * Decodes a cursor that encodeCursor made for this scope; any other is a 422. The checksum is not secret, it only catches
 * mistakes: a forged cursor still needs a valid key, and row-level security still applies.
 */
export const decodeCursor = (scope: CursorKey, shape: PartShape[], cursor: string): CursorKey => {
  const [payload = '', sum] = cursor.split('.')
  const isOurs = cursor === `${payload}.${sum}` && sum === checksum(scope, payload)
  const key = isOurs ? parseKey(payload) : undefined
  const fits =
    Array.isArray(key) &&
    key.length === shape.length &&
    // As a string, an array with one element equals that element.
    shape.every((part, i) => typeof key[i] !== 'object' && part.test(String(key[i])))
  if (fits) return key
  throw new Problem('validation-failed', {
    errors: [{ path: '/query/cursor', code: 'cursor', message: 'is not a cursor of this list' }],
  })
}

/** The contract's limit for a page's JSON: what a slow client makes us hold in memory. */
export const maxPageBytes = 1_048_576

/** A page of these rows, with the cursor of the next page if there is one. */
export const pageOf = <Row>(
  data: Row[],
  hasNext: boolean,
  scope: CursorKey,
  keyOf: (row: Row) => CursorKey,
) => {
  const last = data.at(-1)
  return { data, next_cursor: hasNext && last ? encodeCursor(scope, keyOf(last)) : null }
}

/** A page of at most `limit` rows, of the `limit + 1` that were queried. */
export const page = <Row>(rows: Row[], limit: number, scope: CursorKey, keyOf: (row: Row) => CursorKey) =>
  pageOf(rows.slice(0, limit), rows.length > limit, scope, keyOf)
