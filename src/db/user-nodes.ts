import { hashText } from './hash-text.js'

/** A shard of the users whose hash is at most `max`, and more than the `max` of the one before. */
export interface Shard {
  max: number
  node: string
}

export interface UserNodes {
  /**
   * The node that has the rows of a user, where the database is distributed; '' where it is not, or it is not known yet. It may be old:
   * who goes by it has to be right all the same.
   */
  nodeOf(userId: string): string
  /** The server turned out to have Citus. */
  foundCitus(): void
}

/** How long what was read is taken for true. */
const freshMs = 10_000

/**
 * Which node has which user, by the hash of the user's id: so it is known of every user, in the memory that the shards take. `read` gives
 * the shards in their order, and none where no table is distributed. It is asked only when there is Citus, when it is needed, and nobody
 * waits for it.
 */
export const createUserNodes = (read: () => Promise<readonly Shard[]>, maxAgeMs = freshMs): UserNodes => {
  let shards: readonly Shard[] = []
  let hasCitus = false
  let readAt = Number.NEGATIVE_INFINITY

  const refresh = (): void => {
    if (performance.now() - readAt < maxAgeMs) return
    readAt = performance.now()
    read().then(
      (found) => {
        shards = found
      },
      // Who needs the database learns of that by themselves.
      () => {},
    )
  }

  return {
    nodeOf(userId) {
      if (!hasCitus) return ''
      refresh()
      if (shards.length === 0) return ''
      const hash = hashText(userId)
      return shards.find(({ max }) => hash <= max)?.node ?? ''
    },
    foundCitus() {
      hasCitus = true
    },
  }
}
