import type { Model, ModelEvent } from '../../src/models/model.js'
import { until } from './wait.js'

export interface ScriptedModel {
  model: Model
  /** Waits until the nth run has begun, the first unless told, and has it say these; after `done` it has finished. */
  say(events: readonly ModelEvent[], run?: number): Promise<void>
  /** how many runs have begun */
  runs(): number
}

export const done: ModelEvent = {
  type: 'finish',
  usage: {
    input_tokens: null,
    output_tokens: null,
    cached_input_tokens: null,
    reasoning_tokens: null,
    total_tokens: null,
  },
}

export const words = (...deltas: string[]): ModelEvent[] =>
  deltas.map((delta) => ({ type: 'text-delta', delta }))

/** A model that says what the test tells it, when it does, and heeds its signal. */
export const scriptedModel = (): ScriptedModel => {
  const scripts: { events: ModelEvent[]; wake: () => void }[] = []
  const model: Model = {
    name: 'scripted',
    async *run({ signal }) {
      const script = { events: [] as ModelEvent[], wake: () => {} }
      scripts.push(script)
      signal.addEventListener('abort', () => script.wake())
      for (;;) {
        const event = script.events.shift()
        if (event) yield event
        if (event?.type === 'finish') return
        signal.throwIfAborted()
        if (script.events.length === 0) {
          await new Promise<void>((resolve) => {
            script.wake = resolve
          })
        }
      }
    },
  }
  return {
    model,
    runs: () => scripts.length,
    async say(events, run = 1) {
      await until(() => scripts.length >= run, `run ${run} of the model`)
      const script = scripts[run - 1]
      script?.events.push(...events)
      script?.wake()
    },
  }
}
