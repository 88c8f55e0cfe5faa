import type { Model } from './model.js'
import { ModelError } from './model-error.js'

/** Stands in for the model of a turn that is retried after the model was removed from the configuration. */
export const unconfiguredModel = (name: string): Model => ({
  name,
  run() {
    throw new ModelError('model-failed', "the turn's model is no longer configured")
  },
})
