import { type Model, unknownUsage } from './model.js'

/** Answers `Echo: <message>`, word by word. Needs no key and no network, and is deterministic. */
export const echo = (): Model => ({
  name: 'echo',
  async *run({ message, signal }) {
    for (const delta of `Echo: ${message}`.match(/\s*\S+\s*$|\s*\S+/gu) ?? []) {
      signal.throwIfAborted()
      yield { type: 'text-delta', delta }
    }
    yield {
      type: 'finish',
      usage: unknownUsage,
    }
  },
})
