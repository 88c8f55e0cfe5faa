import { type Model, type ModelEvent, type ModelRequest, unknownUsage } from '../../src/models/model.js'

/** What a model says to a message. */
export type Scene = (request: ModelRequest) => AsyncIterable<ModelEvent>

export interface SceneModel {
  model: Model
  /** Sets what is said to messages that begin with this; everything else is echoed. */
  on(beginning: string, scene: Scene): void
}

export const usage = {
  input_tokens: 100,
  output_tokens: 50,
  cached_input_tokens: 0,
  reasoning_tokens: 0,
  total_tokens: 150,
}

/** A text as a model says it, word by word, and the end. */
export async function* say(text: string): AsyncGenerator<ModelEvent> {
  for (const delta of text.match(/\s*\S+\s*$|\s*\S+/gu) ?? []) yield { type: 'text-delta', delta }
  yield { type: 'finish', usage }
}

/** A model that plays scenes. */
export const sceneModel = (name = 'stage'): SceneModel => {
  const scenes = new Map<string, Scene>()
  return {
    on: (beginning, scene) => void scenes.set(beginning, scene),
    model: {
      name,
      async *run(request) {
        const [, scene] = [...scenes].find(([beginning]) => request.message.startsWith(beginning)) ?? []
        if (scene) yield* scene(request)
        else {
          yield { type: 'text-delta', delta: `You said: ${request.message}` }
          yield { type: 'finish', usage: name === 'stage' ? usage : unknownUsage }
        }
      },
    },
  }
}

/** What a scene waits for, and what lets it go on. */
export const createGate = () => {
  let open = () => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  return { gate, open }
}

/** A scene that says its first words, and the rest when it is let. */
export const gated = (first: string, rest: string) => {
  const { gate, open } = createGate()
  const scene: Scene = async function* ({ signal }) {
    yield { type: 'text-delta', delta: first }
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      gate.then(resolve)
    })
    yield* say(rest)
  }
  return { scene, open }
}
