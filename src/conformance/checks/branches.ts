import type { components } from '../../../generated/contract.js'
import type { Check, Context, Judged } from '../check.js'
import { expectEqual, expectProblem, shortMessage, unknownId } from '../samples.js'

type Message = components['schemas']['Message']

type Turn = Record<'conversation_id' | 'user_message_id' | 'message_id', string>

const list = async (context: Context, conversation_id: string, branch?: 'all') => {
  const query = { limit: 100, ...(branch && { branch }) }
  const listed = await context.call('listMessages', { path: { conversation_id }, query, expect: 200 })
  const messages = (listed.json.data as Message[]).filter(({ role }) => role !== 'summary')
  return { listed, messages, ids: messages.map(({ id }) => id) }
}

const send = async (context: Context, body: object): Promise<Turn> =>
  (await context.call('createTurn', { body, expect: 200 })).json

/** A conversation of one turn, its message in other words, and another answer to these. */
const branched = async (context: Context) => {
  const first = await send(context, { message: shortMessage })
  const { conversation_id } = first
  const next = await send(context, { conversation_id, message: shortMessage })
  const edited = await send(context, {
    conversation_id,
    parent_id: first.message_id,
    message: `${shortMessage}!`,
  })
  const again = await send(context, { conversation_id, regenerate: edited.message_id })
  return { conversation_id, first, next, edited, again }
}

const same = (found: string[], wanted: string[], what: string, promise: string, listed: Judged): void =>
  expectEqual(found, wanted, what, promise, listed)

const branches = async (context: Context): Promise<void> => {
  const { conversation_id, first, next, edited, again } = await branched(context)
  const begun = [first.user_message_id, first.message_id]
  const { listed, messages, ids } = await list(context, conversation_id)
  const path = [...begun, edited.user_message_id, again.message_id]
  same(ids, path, 'the active branch', 'listMessages: the messages of the active branch', listed)
  expectEqual(again.user_message_id, edited.user_message_id, 'the message', 'TurnRequest: regenerate', listed)
  const siblings = [
    begun.slice(0, 1),
    begun.slice(1),
    [next, edited].map((turn) => turn.user_message_id),
    [edited, again].map((turn) => turn.message_id),
  ]
  expectEqual(
    messages.map((message) => message.sibling_ids),
    siblings,
    'the siblings',
    'Message: sibling_ids',
    listed,
  )
  expectEqual(
    messages.map((message) => message.sibling_count),
    [1, 1, 2, 2],
    'their number',
    'Message: sibling_count',
    listed,
  )

  const all = await list(context, conversation_id, 'all')
  const tree = [
    ...begun,
    next.user_message_id,
    next.message_id,
    edited.user_message_id,
    edited.message_id,
    again.message_id,
  ]
  same(all.ids, tree, 'the whole', 'listMessages: branch=all', all.listed)
  expectEqual(
    all.messages.map(({ parent_id }) => parent_id),
    [
      null,
      begun[0],
      begun[1],
      next.user_message_id,
      begun[1],
      edited.user_message_id,
      edited.user_message_id,
    ],
    'the parents',
    'Message: parent_id',
    all.listed,
  )
  await chooses(context, conversation_id, next, begun)
}

/** Goes back to the branch of the older turn, where the conversation then goes on. */
const chooses = async (context: Context, conversation_id: string, next: Turn, begun: string[]) => {
  const path = { conversation_id }
  const body = { active_message_id: next.user_message_id }
  const chosen = await context.call('updateConversation', { path, body, expect: 200 })
  expectEqual(
    chosen.json.active_message_id,
    next.message_id,
    'its end',
    'Conversation: active_message_id',
    chosen,
  )
  const old = [...begun, next.user_message_id, next.message_id]
  const { listed, ids } = await list(context, conversation_id)
  same(ids, old, 'the branch that was chosen', 'updateConversation: active_message_id', listed)
  const further = await send(context, { conversation_id, message: shortMessage })
  const after = await list(context, conversation_id)
  const whole = [...old, further.user_message_id, further.message_id]
  same(
    after.ids,
    whole,
    'the branch that goes on',
    'updateConversation: that the next message continues',
    after.listed,
  )
}

const refuses = async (context: Context): Promise<void> => {
  const { conversation_id, message_id, user_message_id } = (await context.turn()) as unknown as Turn
  const message = shortMessage
  const place = { conversation_id, message }
  const refused: [body: object, status: number, code: string][] = [
    [{ ...place, parent_id: unknownId() }, 404, 'message-not-found'],
    [{ conversation_id, regenerate: unknownId() }, 404, 'message-not-found'],
    [{ ...place, parent_id: user_message_id }, 422, 'validation-failed'],
    [{ ...place, regenerate: message_id }, 422, 'validation-failed'],
    [{ conversation_id, parent_id: message_id, regenerate: message_id }, 422, 'validation-failed'],
    [{ regenerate: message_id }, 422, 'validation-failed'],
    [{ message, parent_id: message_id }, 422, 'validation-failed'],
    [{ conversation_id }, 422, 'validation-failed'],
  ]
  for (const [body, status, code] of refused)
    await expectProblem(context, 'createTurn', { body }, status, code)
  const options = { path: { conversation_id }, body: { active_message_id: unknownId() } }
  await expectProblem(context, 'updateConversation', options, 404, 'message-not-found')
}

const forks = async (context: Context): Promise<void> => {
  const { conversation_id, next } = await branched(context)
  const body = { message_id: next.message_id, title: 'A copy' }
  const made = await context.call('forkConversation', { path: { conversation_id }, body, expect: 201 })
  const { id, title, message_count, active_message_id } = made.json
  expectEqual([title, message_count], ['A copy', 4], 'title and messages', 'forkConversation 201', made)
  const before = await list(context, conversation_id, 'all')
  const copy = await list(context, id, 'all')
  const contents = (messages: Message[]) => messages.map(({ role, content }) => `${role}: ${content}`)
  const wanted = contents(before.messages.slice(0, 4))
  expectEqual(
    contents(copy.messages),
    wanted,
    'the copied messages',
    'forkConversation: the branch up to a message',
    copy.listed,
  )
  expectEqual(copy.ids.at(-1), active_message_id, 'its end', 'Conversation: active_message_id', made)
  expectEqual(
    copy.ids.some((one) => before.ids.includes(one)),
    false,
    'the same ids',
    'forkConversation: ids of their own',
    copy.listed,
  )
  await send(context, { conversation_id: id, message: shortMessage })
  await context.call('deleteConversation', { path: { conversation_id: id }, expect: 204 })
  const after = await list(context, conversation_id, 'all')
  expectEqual(
    after.ids,
    before.ids,
    'the old conversation',
    'forkConversation: nothing to do with each other',
    after.listed,
  )
}

/** Edited messages, other answers, and copies. */
export const branchChecks: Check[] = [
  {
    id: 'branches.tree',
    title: 'an edited message and another answer are branches, of which one is active',
    operation: 'createTurn',
    run: branches,
  },
  {
    id: 'branches.refused',
    title: 'a turn begins at messages of its conversation alone',
    operation: 'createTurn',
    run: refuses,
  },
  {
    id: 'branches.fork',
    title: 'a fork is a copy of its own',
    operation: 'forkConversation',
    run: forks,
  },
]
