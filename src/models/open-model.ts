import { echo } from './echo.js'
import type { Model } from './model.js'

const models: Record<string, () => Model> = { echo }

/** The names that CHAT_MODEL may have. */
export const modelNames = Object.keys(models)

/** Makes the model that CHAT_MODEL names; throws with the names there are when there is no such one. */
export const openModel = (name: string): Model => {
  const open = Object.hasOwn(models, name) ? models[name] : undefined
  if (!open) throw new Error(`there is no model "${name}"; there is: ${modelNames.join(', ')}`)
  return open()
}
