import { setTimeout as sleep } from 'node:timers/promises'
import type { Model, ModelEvent } from '../../src/models/model.js'
import { answerOf } from './answers.js'
import type { Random } from './random.js'
import { type Record as Entry, now } from './records.js'

export interface Moods {
  /** how long a run takes at most, in milliseconds */
  quickMs: number
  /** the share of runs that take up to `slowMs` */
  slow: number
  slowMs: number
  /** the share of runs that fail in the middle */
  fail: number
}

export interface ModelOptions extends Moods {
  name: string
  random: Random
  record: (entry: Entry) => void
}

/** Takes a random time, fails at times, writes down what it was given, and answers with a nonce of its own. */
export const nonceModel = ({ name, random, record, ...moods }: ModelOptions): Model => {
  let runs = 0

  async function* say(text: string, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    const half = random.below(text.length)
    const pause = random.below(random.chance(moods.slow) ? moods.slowMs : moods.quickMs) / 2
    yield { type: 'text-delta', delta: text.slice(0, half) }
    await sleep(pause, undefined, { signal })
    if (random.chance(moods.fail)) throw new Error('the model failed, as it does at times')
    yield { type: 'text-delta', delta: text.slice(half) }
    await sleep(pause, undefined, { signal })
    yield {
      type: 'finish',
      usage: {
        input_tokens: 0,
        output_tokens: text.length,
        cached_input_tokens: 0,
        reasoning_tokens: 0,
        total_tokens: text.length,
      },
    }
  }

  return {
    name: 'nonce',
    async *run({ system, message, history, signal }) {
      // There is no system prompt but the one that asks for a summary, which is no turn's.
      if (system !== undefined) {
        yield* say('What they have said so far, summed up.', signal)
        return
      }
      runs += 1
      const nonce = `${name}.${runs}`
      record({ type: 'run', at: now(), nonce, message, history })
      let whole = false
      try {
        yield* say(answerOf(nonce, message), signal)
        whole = true
      } finally {
        record({ type: 'run-end', at: now(), nonce, whole })
      }
    },
  }
}
