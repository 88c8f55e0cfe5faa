import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { type Context, Failure, type Judged } from '../check.js'
import type { Operation } from '../contract.js'
import { onceFor } from '../once-for.js'

type Rows = Record<string, string>

/** The models that a message may name: those of the default assistant, where the conversations of the checks have one. */
export const modelsOf = onceFor(async (context: Context): Promise<string[]> => {
  const assistants = await context.call('listAssistants', { expect: 200 })
  const usual = assistants.json.data.find(({ is_default }: { is_default: boolean }) => is_default)
  if (usual) return usual.models
  const { json } = await context.call('listModels', { expect: 200 })
  return json.data.map(({ name }: { name: string }) => name)
})

const sharedRows = onceFor(async (context: Context): Promise<Rows> => {
  const [turn, models] = await Promise.all([context.turn(), modelsOf(context)])
  return { ...turn, conversation_id: await context.conversation(), model_id: models[0] ?? '' }
})

/** Rows of user A that exist: a turn, a message, and a conversation without either. */
export const rowsOf = async (context: Context): Promise<Rows> => ({
  ...(await sharedRows(context)),
  fresh_id: randomUUID(),
})

/** The rows of a valid request. What changes a conversation gets one of its own. */
export const idsFor = async (context: Context, { id }: Operation): Promise<Rows> => {
  const rows = await rowsOf(context)
  // The message that it names is one of the conversation's.
  if (id === 'forkConversation') return { ...rows, ...(await context.turn()) }
  const needsOwn = id === 'updateConversation' || id === 'deleteConversation'
  return needsOwn ? { ...rows, conversation_id: await context.conversation() } : rows
}

const stateOf = async (context: Context, { conversation_id = '', turn_id = '' }: Rows) => {
  const [conversation, newest, turn] = await Promise.all([
    context.call('getConversation', { path: { conversation_id }, expect: 200 }),
    context.call('listConversations', { query: { limit: 1 }, expect: 200 }),
    context.call('getTurn', { path: { turn_id }, expect: 200 }),
  ])
  return { conversation: conversation.json, newest: newest.json.data[0]?.id, turn: turn.json }
}

/** Remembers what there is, and gives a check that it is still the same after a refused request. */
export const unchanged = async (context: Context, rows: Rows) => {
  const before = await stateOf(context, rows)
  return async (refused: Judged): Promise<void> => {
    const after = await stateOf(context, rows)
    if (isDeepStrictEqual(before, after)) return
    const what = before.newest === after.newest ? 'changed a row' : 'made a conversation'
    throw new Failure(
      `The request was refused with ${refused.status}, and yet it ${what}.`,
      `${refused.operation.id} ${refused.status}`,
      refused,
    )
  }
}
