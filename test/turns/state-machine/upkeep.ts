import fc from 'fast-check'
import { actingOn, back, isStranger, newest } from './choices.js'
import { type Attempt, day } from './model.js'
import { id, limits } from './requests.js'
import { steps } from './step.js'

/** Calls about turns that were begun, and what time does. */

const nobodys: Attempt = {
  ...{ userId: 'alice', conversationId: id(0), turnId: id(1), attempt: 1 },
  ...{ model: 'echo', message: 'hi' },
}

/** of the newest attempts, one bit each */
export const all = 31
const mask = (bits: number | undefined) => (bits === undefined ? fc.nat(all) : fc.constant(bits))
const marked = <T>(list: T[], mask: number): T[] => list.slice(-5).filter((_, i) => mask & (1 << i))

/** Of any turn that ever was, or of one that never was. */
export const cancel = steps(fc.record({ back, isStranger }), ({ model, attempts }, { back, isStranger }) => {
  const { userId, turnId } = newest(attempts, back) ?? nobodys
  const user = actingOn(userId, isStranger)
  return {
    words: `cancel ${turnId} by ${user}`,
    predict: () => model.cancel(user, turnId),
    perform: (engine) => engine.cancel(user, turnId),
  }
})

/** An heir of any turn that ever was, whether or not its lease has run out. */
export const interrupt = steps(
  fc.record({ back, isStranger }),
  ({ model, attempts }, { back, isStranger }) => {
    const { userId, turnId } = newest(attempts, back) ?? nobodys
    const user = actingOn(userId, isStranger)
    return {
      words: `interrupt ${turnId} by ${user}`,
      predict: () => model.interrupt(user, turnId),
      perform: (engine) => engine.interrupt(user, turnId),
    }
  },
)

/** An instance that holds, reads and waits for any of the attempts that ever were, whether or not they are over. */
export const tick = (masks: { held?: number; read?: number; awaited?: number } = {}) =>
  steps(
    fc.record({ held: mask(masks.held), read: mask(masks.read), awaited: mask(masks.awaited) }),
    ({ model, attempts }, choice) => {
      const held = marked(attempts, choice.held)
      // What runs here is read and awaited here.
      const isElsewhere = ({ turnId }: Attempt) => !held.some((other) => other.turnId === turnId)
      // Some have read the attempt before, and do not know yet that it is over.
      const read = marked(attempts, choice.read)
        .flatMap((it) => (it.attempt > 1 ? [it, { ...it, attempt: it.attempt - 1 }] : [it]))
        .filter(isElsewhere)
      const awaited = marked(attempts, choice.awaited).filter(isElsewhere)
      if (held.length + read.length + awaited.length === 0) return undefined
      const names = (list: Attempt[]) => list.map(({ turnId, attempt }) => `${turnId}/${attempt}`).join(' ')
      return {
        words: `tick: runs ${names(held)}, reads ${names(read)}, waits for ${names(awaited)}`,
        predict: () => model.tick(held, read, awaited),
        perform: (engine) => engine.tick(held, read, awaited),
      }
    },
  )

/** Somebody lets a conversation expire, soon or at once, or takes that back. */
export const expire = steps(
  fc.record({ back, isStranger, inMs: fc.constantFrom(-1, 0, 60_000, limits.leaseMs + 1, day, null) }),
  ({ model, attempts }, { back, isStranger, inMs }) => {
    const { userId, conversationId } = newest(attempts, back) ?? nobodys
    const user = actingOn(userId, isStranger)
    const ms = inMs === null ? null : model.now() + inMs
    return {
      words: `let ${conversationId} expire in ${inMs} ms by ${user}`,
      predict: () => model.expire(user, conversationId, ms),
      perform: (engine) => engine.expire(user, conversationId, ms),
    }
  },
)

export const removeExpired = steps(fc.constant(null), ({ model }) => ({
  words: 'what has expired is removed',
  predict: () => model.removeExpired(),
  perform: (engine) => engine.removeExpired(),
}))

const { leaseMs } = limits
/** To both sides of each bound, the one at which a lease is renewed included. */
const spans = [1, 60_000, leaseMs / 3, leaseMs / 3 + 1, leaseMs, leaseMs + 1, day, day + 1]
export const advance = (...ms: number[]) =>
  steps(fc.constantFrom(...(ms.length ? ms : spans)), ({ model }, ms) => ({
    words: `${ms} ms later`,
    predict: () => model.advance(ms),
    async perform(engine) {
      await engine.setClock(model.now())
    },
  }))

export const prune = steps(fc.integer({ min: 1, max: 2 }), ({ model }, batch) => ({
  words: `prune by ${batch}`,
  predict: () => model.prune(batch),
  perform: (engine) => engine.prune(batch),
}))

/** Mostly an older one, so that some conversations get long. */
export const remove = steps(
  fc.record({ back: fc.nat(9), isStranger }),
  ({ model, attempts }, { back, isStranger }) => {
    const found = attempts.at(-1 - back)
    if (!found) return undefined
    const { conversationId } = found
    const user = actingOn(found.userId, isStranger)
    return {
      words: `delete ${conversationId} by ${user}`,
      predict: () => model.deleteConversation(user, conversationId),
      perform: (engine) => engine.deleteConversation(user, conversationId),
    }
  },
)

export const read = steps(fc.record({ back, isStranger }), ({ model, attempts }, { back, isStranger }) => {
  const mine = newest(attempts, back) ?? nobodys
  const user = actingOn(mine.userId, isStranger)
  return {
    words: `read ${mine.turnId} by ${user}`,
    predict: () => model.read(mine, user),
    perform: (engine) => engine.read(mine, user),
  }
})
