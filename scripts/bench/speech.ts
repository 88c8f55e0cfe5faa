import { setTimeout as sleep } from 'node:timers/promises'
import type { Model } from '../../src/models/model.js'

/** What a turn's message asks of the speaker, as JSON. */
export interface Speech {
  /** how many words it says, each an event of its own */
  words: number
  everyMs: number
  /** whether a word is its number and when it was said, `7@123456 `; otherwise it is as long as a token */
  stamped: boolean
}

/** A clock that all processes of a machine share, in microseconds. */
export const nowMicros = (): number => Number(process.hrtime.bigint() / 1000n)

export const wordToken = ' word'

/** A model that says words at a pace, and says them at once when it is behind. */
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
      usage: { input_tokens: null, output_tokens: null, cached_input_tokens: null, total_tokens: null },
    }
  },
}
