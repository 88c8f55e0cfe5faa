import { setTimeout as sleep } from 'node:timers/promises'
import type { Model } from '../../src/models/model.js'

/** The instructions for the speaker, sent as a turn's message in JSON. */
export interface Speech {
  /** number of words, each in its own event */
  words: number
  everyMs: number
  /** whether a word is its number and its time, `7@123456 `; otherwise it is as long as a token */
  stamped: boolean
}

/** A clock that all processes of the machine share, in microseconds. */
export const nowMicros = (): number => Number(process.hrtime.bigint() / 1000n)

export const wordToken = ' word'

/** A model that streams words at a fixed pace, and catches up when it is late. */
export const speaker: Model = {
  name: 'speaker',
  async *run({ message, signal }) {
    const { words, everyMs, stamped }: Speech = JSON.parse(message)
    const start = performance.now()
    for (let n = 1; n <= words; n += 1) {
      const waitMs = start + n * everyMs - performance.now()
      if (waitMs > 0) await sleep(waitMs)
      signal.throwIfAborted()
      yield { type: 'text-delta', delta: stamped ? `${n}@${nowMicros()} ` : wordToken }
    }
    yield {
      type: 'finish',
      usage: {
        input_tokens: null,
        output_tokens: null,
        cached_input_tokens: null,
        reasoning_tokens: null,
        total_tokens: null,
      },
    }
  },
}
