import type { Model } from '../../src/models/model.js'

export { until } from './wait.js'

export interface GatedModel {
  model: Model
  /** how many turns it works on now */
  working(): number
  /** the most that it ever worked on at once */
  most(): number
  /** the messages that it was asked, in order */
  asked: string[]
  /** Lets everything that waits, and everything that comes, be answered. */
  open(): void
}

/** Says its first words, waits for its gate, and then answers what it was asked. */
export const gatedModel = (firstWords = 'so far: '): GatedModel => {
  let release = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  let working = 0
  let most = 0
  const asked: string[] = []
  const model: Model = {
    name: 'gated',
    async *run({ message, signal }) {
      working += 1
      most = Math.max(most, working)
      asked.push(message)
      try {
        yield { type: 'text-delta', delta: firstWords }
        await new Promise<void>((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
          gate.then(resolve)
        })
        yield { type: 'text-delta', delta: message }
        yield {
          type: 'finish',
          usage: {
            input_tokens: 1,
            output_tokens: 2,
            cached_input_tokens: 1,
            reasoning_tokens: 0,
            total_tokens: 3,
          },
        }
      } finally {
        working -= 1
      }
    },
  }
  return { model, asked, working: () => working, most: () => most, open: () => release() }
}
