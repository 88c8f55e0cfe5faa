import type { Check, Context } from '../check.js'
import { expect, expectEqual, expectProblem, shortMessage, unknownId } from '../samples.js'

interface Assistant {
  name: string
  is_default: boolean
  models: string[]
}

const assistants = async (context: Context): Promise<void> => {
  const listed = await context.call('listAssistants', { expect: 200 })
  const all = listed.json.data as Assistant[]
  const promise = 'AssistantPage: the default first'
  expect(
    !all.slice(1).some(({ is_default }) => is_default),
    'one after the first is the default',
    promise,
    listed,
  )
  const own = await context.conversation()
  const made = await context.call('getConversation', { path: { conversation_id: own }, expect: 200 })
  const usual = all.find(({ is_default }) => is_default)?.name ?? null
  expectEqual(
    made.json.assistant,
    usual,
    'the assistant',
    'createConversation: the default one, if there is one',
    made,
  )

  const body = { message: shortMessage, assistant: `no-such-${unknownId()}` }
  for (const conversation of [{}, { conversation_id: own }])
    await expectProblem(
      context,
      'createTurn',
      { body: { ...body, ...conversation } },
      422,
      'validation-failed',
    )
  const { assistant } = body
  await expectProblem(context, 'createConversation', { body: { assistant } }, 422, 'validation-failed')

  for (const { name, models } of all.slice(0, 3)) {
    const message = { message: shortMessage, assistant: name }
    if (name !== usual) {
      const other = { ...message, conversation_id: own }
      await expectProblem(context, 'createTurn', { body: other }, 422, 'validation-failed')
    }
    const { json } = await context.call('createTurn', { body: { ...message, model: models[0] }, expect: 200 })
    const path = { conversation_id: json.conversation_id }
    const begun = await context.call('getConversation', { path, expect: 200 })
    expectEqual(begun.json.assistant, name, 'the assistant', 'TurnRequest: assistant', begun)
    const fork = { path, body: { message_id: json.message_id }, expect: 201 }
    const forked = await context.call('forkConversation', fork)
    expectEqual(
      forked.json.assistant,
      name,
      'the assistant',
      'forkConversation: the assistant is copied',
      forked,
    )
    const model = `conformance/${unknownId()}`
    const unfit = { ...path, ...message, model }
    await expectProblem(context, 'createTurn', { body: unfit }, 422, 'validation-failed')
  }
}

/** What conversations begin with. */
export const assistantChecks: Check[] = [
  {
    id: 'assistants',
    title: 'a conversation keeps the assistant that it begins with, one of those that are listed',
    operation: 'listAssistants',
    run: assistants,
  },
]
