import type { Model } from './model.js'
import { ModelError } from './model-error.js'

/** Stands for a model that a turn was begun with and that is configured no more: its next attempt fails at once. */
export const unconfiguredModel = (name: string): Model => ({
  name,
  run() {
    throw new ModelError('model-failed', 'the model of the turn is not configured any more')
  },
})
