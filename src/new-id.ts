import { randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'

const idBytes = 16
const pool = new Uint8Array(256 * idBytes)
let used = pool.length

/** Random bytes by the pool: a call for each id costs ten times what the id does. */
const rng = (): Uint8Array => {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += idBytes
  return pool.subarray(used - idBytes, used)
}

/** A UUIDv7 (RFC 9562, section 5.7). */
export const newId = (): string => v7({ rng })
