import { type Context, noteFailure } from './context.js'

/** Reads which models and assistants there are to choose from. */
export const loadChoices = async (context: Context): Promise<void> => {
  const { client, store } = context
  try {
    const [models, assistants] = await Promise.all([client.listModels(), client.listAssistants()])
    store.dispatch({ type: 'choices-received', models: models.data, assistants: assistants.data })
  } catch (error) {
    noteFailure(context, error)
  }
}
