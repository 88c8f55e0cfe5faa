import { createHash } from 'node:crypto'
import { Problem } from '../problems.js'

export type Key = (string | number)[]

/** What the text of a key's part has to be: a pattern, or another test. */
export type PartShape = Pick<RegExp, 'test'>

/** A time of this millennium as JSON has it, in milliseconds; only one that exists (no 31 February, no hour 25). */
export const instant: PartShape = {
  test: (text) => /^2\d{3}-/.test(text) && new Date(text).toJSON() === text,
}

/** A day of this millennium; only one that exists. */
export const day: PartShape = { test: (text) => instant.test(`${text}T00:00:00.000Z`) }

const checksum = (scope: Key, payload: string): string =>
  createHash('sha256').update(JSON.stringify(scope)).update(payload).digest('base64url').slice(0, 16)

/** The key of a page's last row, opaque to clients; `scope` is the list and the filters that it belongs to. */
export const encodeCursor = (scope: Key, key: Key): string => {
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
 * The key in a cursor that encodeCursor made for this scope; an altered or foreign one is a 422.
 * The checksum has no secret: it catches mistakes. Whoever forges it still needs a key of the list's shape, and
 * row-level security does the rest.
 */
export const decodeCursor = (scope: Key, shape: PartShape[], cursor: string): Key => {
  const [payload = '', sum] = cursor.split('.')
  const isOurs = cursor === `${payload}.${sum}` && sum === checksum(scope, payload)
  const key = isOurs ? parseKey(payload) : undefined
  const fits =
    Array.isArray(key) &&
    key.length === shape.length &&
    // An array of one part reads like the part itself.
    shape.every((part, i) => typeof key[i] !== 'object' && part.test(String(key[i])))
  if (fits) return key
  throw new Problem('validation-failed', {
    errors: [{ path: '/query/cursor', message: 'is not a cursor of this list' }],
  })
}

/** A page of these rows, with the cursor of the next one if there is one. */
export const pageOf = <Row>(data: Row[], hasNext: boolean, scope: Key, keyOf: (row: Row) => Key) => {
  const last = data.at(-1)
  return { data, next_cursor: hasNext && last ? encodeCursor(scope, keyOf(last)) : null }
}

/** A page of at most `limit` of the `limit + 1` rows that were asked for. */
export const page = <Row>(rows: Row[], limit: number, scope: Key, keyOf: (row: Row) => Key) =>
  pageOf(rows.slice(0, limit), rows.length > limit, scope, keyOf)
