export interface Random {
  /** from 0 to below 1 */
  next(): number
  chance(share: number): boolean
  /** a whole number from 0 to below `below` */
  below(below: number): number
  pick<T>(items: readonly T[]): T | undefined
}

/** Numbers that a seed decides (mulberry32): the choices of a process can be made again, their timing cannot. */
export const createRandom = (seed: number): Random => {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (bound: number) => Math.floor(next() * bound)
  return { next, below, chance: (share) => next() < share, pick: (items) => items[below(items.length)] }
}
