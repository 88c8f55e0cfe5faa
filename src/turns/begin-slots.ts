import type { BeginTurn, Begun } from './store/begin-turns.js'
import type { WaitRefusal } from './waiting-room.js'

interface BeginSlotsOptions {
  begin(turn: BeginTurn): Promise<Begun>
  /** how many attempts this instance runs */
  running(): number
  /** maximum number of attempts that it runs */
  max: number
}

/** Lets only so many begins through that the instance can run what they begin. */
export const createBeginSlots = ({ begin, running, max }: BeginSlotsOptions) => {
  let taken = 0
  return {
    /** After `begun` the slot stays taken until `release`. */
    async begin(turn: BeginTurn): Promise<Begun | WaitRefusal> {
      if (running() + taken >= max) return { outcome: 'overloaded' }
      taken += 1
      let begun: Begun | undefined
      try {
        begun = await begin(turn)
        return begun
      } finally {
        if (begun?.outcome !== 'begun') taken -= 1
      }
    },
    /** The attempt of a begin is running. */
    release(): void {
      taken -= 1
    },
  }
}
