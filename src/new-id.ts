import { randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'

const idBytes = 16
const pool = new Uint8Array(256 * idBytes)
let used = pool.length

/** Random bytes from a pool: a system call per id would cost ten times as much as the id. */
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

/** The smallest id of that time. */
export const firstIdAt = (msecs: number): string => v7({ msecs, seq: 0, random: new Uint8Array(idBytes) })
