import type { Database } from '../db/database.js'
import { type Channel, createChannel, type TurnEnd, turnName } from './channel.js'
import { readStoredTurn } from './outcome.js'
import type { Progress } from './progress.js'

export interface FollowedOptions {
  db: Database
  progress: Progress
}

interface Followed {
  channel: Channel
  readers: number
  stop: () => void
}

/** The turns that run on other instances and are read on this one, each read from the database once for all its readers. */
export const createFollowed = ({ db, progress }: FollowedOptions) => {
  const followed = new Map<string, Followed>()
  let isOver = false

  const forget = (turn: Followed): void => {
    const { userId, turnId } = turn.channel.ids
    const name = turnName(userId, turnId)
    turn.stop()
    if (followed.get(name) === turn) followed.delete(name)
  }

  const close = (turn: Followed, end: TurnEnd): void => {
    forget(turn)
    turn.channel.close(end)
  }

  /** The attempt runs no more: what is stored of the turn says why. */
  const end = async (turn: Followed): Promise<void> => {
    const { userId, turnId, attempt } = turn.channel.ids
    turn.stop()
    // A reader that is cut comes back and asks again.
    const stored = await readStoredTurn(db, userId, turnId).catch(() => 'not-read' as const)
    if (stored === 'not-read') return close(turn, { kind: 'not-stored' })
    if (!stored) return close(turn, { kind: 'not-found' })
    if (!stored.outcome || stored.ids.attempt !== attempt) return close(turn, { kind: 'superseded' })
    close(turn, { kind: 'ended', outcome: stored.outcome })
  }

  const follow = (channel: Channel): Followed => {
    const turn: Followed = { channel, readers: 0, stop: () => {} }
    turn.stop = progress.fill(channel, () => void end(turn))
    followed.set(turnName(channel.ids.userId, channel.ids.turnId), turn)
    return turn
  }

  return {
    /** Reads a turn that does not run here; undefined when there is no such turn. */
    async open(userId: string, turnId: string): Promise<{ channel: Channel; leave(): void } | undefined> {
      const name = turnName(userId, turnId)
      let turn = followed.get(name)
      if (!turn) {
        const stored = await readStoredTurn(db, userId, turnId)
        if (!stored) return undefined
        const channel = createChannel(stored.ids, stored.events)
        if (stored.outcome) channel.close({ kind: 'ended', outcome: stored.outcome })
        else if (isOver) channel.close({ kind: 'handed-over' })
        if (channel.end) return { channel, leave: () => {} }
        turn = followed.get(name) ?? follow(channel)
      }
      const { channel } = turn
      turn.readers += 1
      let hasLeft = false
      const leave = (): void => {
        if (hasLeft) return
        hasLeft = true
        turn.readers -= 1
        if (turn.readers === 0) forget(turn)
      }
      return { channel, leave }
    },

    /** Stops following: the readers are to go on at another instance. */
    handOver(): void {
      isOver = true
      for (const turn of followed.values()) close(turn, { kind: 'handed-over' })
    },
  }
}
