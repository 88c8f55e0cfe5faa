import fc from 'fast-check'
import { assistants } from './requests.js'

/** What the calls are drawn from. */

/** Counts from the newest, so that steps tend to be about what has just happened. */
export const newest = <T>(list: T[], back: number): T | undefined =>
  list.at(-1 - (back % Math.max(list.length, 1)))

export const users = fc.constantFrom('alice', 'alice', 'bob')
export const back = fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 5)
export const texts = fc.constantFrom('hi', 'a question of forty-two bytes, or about so', 'ça va, 世界?')
/** Now and then somebody tries what is not theirs. */
export const isStranger = fc.integer({ min: 1, max: 12 }).map((n) => n === 12)
export const actingOn = (owner: string, isStranger: boolean): string =>
  isStranger ? (owner === 'bob' ? 'alice' : 'bob') : owner
/** now and then text that cannot be stored */
export const isUnstorable = fc.integer({ min: 1, max: 20 }).map((n) => n === 20)
/** Of new conversations, mostly none. */
export const someAssistant = fc.constantFrom(undefined, undefined, undefined, 'tutor', ...assistants)
/** Of messages to old ones, which mostly do not say. */
export const rarelyAssistant = fc.integer({ min: 0, max: 14 }).map((n) => assistants[n])
