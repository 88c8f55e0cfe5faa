import { type Context, noteFailure } from './context.js'

/** Reads which models and assistants there are to choose from, and what costs are in. */
export const loadChoices = async (context: Context): Promise<void> => {
  const { client, store } = context
  try {
    const [models, assistants, usage] = await Promise.all([
      client.listModels(),
      client.listAssistants(),
      client.listUsage({ limit: 1 }),
    ])
    store.dispatch({ type: 'choices-received', models: models.data, assistants: assistants.data })
    store.dispatch({ type: 'currency-received', currency: usage.currency })
  } catch (error) {
    noteFailure(context, error)
  }
}
