import { setTimeout as sleep } from 'node:timers/promises'
import type { Talk, Talks } from './talks.js'

/** Past it a turn is begun later than it should, so that an outage does not pile up work without a bound. */
const secondsAtOnce = 5

const takeAny = (talks: Talk[]): Talk | undefined => {
  const at = Math.floor(Math.random() * talks.length)
  const talk = talks[at]
  const last = talks.pop()
  if (last && talk && talk !== last) talks[at] = last
  return talk
}

export interface Load {
  /** conversations that are not ended */
  live: Set<Talk>
  /** turns that could not begin in their time, since too many were under way */
  late: number
}

const finish = async (talks: Talks, load: Load, talk: Talk): Promise<void> => {
  await talks.check(talk)
  await talks.end(talk)
  load.live.delete(talk)
}

/** Begins so many turns a second, in about so many conversations, until the signal aborts; resolves when all are done. */
export const keepRate = async (
  talks: Talks,
  load: Load,
  { rate, live, signal }: { rate: number; live: number; signal: AbortSignal },
): Promise<void> => {
  const idle = [...load.live]
  const underWay = new Set<Promise<void>>()
  const work = async (talk: Talk): Promise<void> => {
    await talks.say(talk)
    if (talk.said >= talk.goal) await finish(talks, load, talk)
    else idle.push(talk)
  }
  for (let due = performance.now(); !signal.aborted; due += 1000 / rate) {
    const waitMs = due - performance.now()
    if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) break
    if (underWay.size >= secondsAtOnce * rate) {
      load.late += 1
      continue
    }
    const talk = (load.live.size >= live && takeAny(idle)) || talks.open()
    load.live.add(talk)
    const done = work(talk)
      .catch((error: unknown) => talks.violate(`conversation ${talk.id}: ${error}`))
      .finally(() => underWay.delete(done))
    underWay.add(done)
  }
  await Promise.all(underWay)
}

/** Does something with each, so many at once. */
export const eachOf = async <T>(items: Iterable<T>, atOnce: number, work: (item: T) => Promise<unknown>) => {
  const left = [...items]
  const worker = async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/**
 * Says as much as it can, so many conversations at once, none of which is ended, for so long and until there are so many turns. Gives
 * turns a second.
 */
export const rush = async (
  talks: Talks,
  load: Load,
  { atOnce, seconds, turns, signal }: { atOnce: number; seconds: number; turns: number; signal: AbortSignal },
): Promise<number> => {
  const start = performance.now()
  const before = talks.counts.turns
  const isOver = () =>
    signal.aborted || (performance.now() - start > 1000 * seconds && talks.counts.turns - before >= turns)
  const worker = async () => {
    while (!isOver()) {
      const talk = talks.open()
      load.live.add(talk)
      while (talk.said < talk.goal && (talk.said === 0 || !isOver())) await talks.say(talk)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return (talks.counts.turns - before) / ((performance.now() - start) / 1000)
}

/** Reads all that is not ended once more; `isEnding`: and ends it. */
export const finishAll = (talks: Talks, load: Load, isEnding: boolean): Promise<void> =>
  eachOf(load.live, 20, (talk) => (isEnding ? finish(talks, load, talk) : talks.check(talk)))
