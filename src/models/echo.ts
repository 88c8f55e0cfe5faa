import type { Model } from './model.js'

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
      usage: { input_tokens: null, output_tokens: null, cached_input_tokens: null, total_tokens: null },
    }
  },
})
