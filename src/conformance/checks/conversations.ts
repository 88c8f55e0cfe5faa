import type { Check, Context } from '../check.js'
import { expect, expectEqual, expectProblem, shortMessage } from '../samples.js'

const createsOne = async (context: Context): Promise<void> => {
  const body = { title: 'Groceries', metadata: { conformance: context.mark, project: 'kitchen' } }
  const made = await context.call('createConversation', { body, expect: 201 })
  const promise = 'createConversation 201'
  const { id, title, metadata, archived, message_count, running_turn_id } = made.json
  expectEqual({ title, metadata }, body, 'the new conversation', promise, made)
  expectEqual(
    { archived, message_count, running_turn_id },
    { archived: false, message_count: 0, running_turn_id: null },
    'the new conversation',
    promise,
    made,
  )
  const path = { conversation_id: id }
  const got = await context.call('getConversation', { path, expect: 200 })
  expectEqual(got.json, made.json, 'getConversation', promise, got)
  const location = new URL(made.headers.location ?? '', made.request.url)
  const expected = new URL(got.request.url)
  expect(
    location.origin === expected.origin &&
      decodeURIComponent(location.pathname) === decodeURIComponent(expected.pathname),
    `location leads to ${location.href}`,
    'header Location',
    made,
  )
  const messages = await context.call('listMessages', { path, expect: 200 })
  const { data, next_cursor } = messages.json
  expectEqual([data, next_cursor], [[], null], 'the list of its messages', promise, messages)
  const empty = await context.call('createConversation', { body: {}, expect: 201 })
  expectEqual([empty.json.title, empty.json.metadata], [null, {}], 'title and metadata', promise, empty)
}

const firstMessage = async (context: Context): Promise<void> => {
  const message = `${context.mark}: answer with the one word: yes`
  const answer = await context.call('createTurn', { body: { message }, expect: 200 })
  const path = { conversation_id: answer.json.conversation_id }
  const got = await context.call('getConversation', { path, expect: 200 })
  const { title, message_count, running_turn_id } = got.json
  expect(typeof title === 'string', 'the conversation has no title', 'Conversation: title', got)
  expectEqual(running_turn_id, null, 'running_turn_id', 'Conversation: running_turn_id', got)
  expect(message_count >= 2, `message_count is ${message_count}`, 'Conversation: message_count', got)
}

const updates = async (context: Context): Promise<void> => {
  const [older, newer] = [await context.conversation(), await context.conversation()]
  const path = { conversation_id: older }
  const { json: before } = await context.call('getConversation', { path, expect: 200 })
  const renamed = await context.call('updateConversation', { path, body: { title: 'Named' }, expect: 200 })
  const { updated_at, ...rest } = renamed.json
  expectEqual(
    { ...rest, updated_at: before.updated_at },
    { ...before, title: 'Named' },
    'it',
    'updateConversation: leaves the rest',
    renamed,
  )
  const got = await context.call('getConversation', { path, expect: 200 })
  expectEqual(got.json, renamed.json, 'getConversation', 'updateConversation 200', got)
  const query = { metadata: { conformance: context.mark }, limit: 100 }
  const listed = await context.call('listConversations', { query, expect: 200 })
  const ids: string[] = listed.json.data.map(({ id }: { id: string }) => id)
  expect(
    ids.indexOf(newer) < ids.indexOf(older),
    'renaming has reordered the list',
    'listConversations: Renaming does not reorder',
    listed,
  )
  await expectProblem(context, 'updateConversation', { path, body: {} }, 422, 'validation-failed')
}

const archives = async (context: Context): Promise<void> => {
  const conversation_id = await context.conversation()
  const path = { conversation_id }
  const isListed = async (archived?: boolean) => {
    const query = { metadata: { conformance: context.mark }, limit: 100, archived }
    const listed = await context.call('listConversations', { query, expect: 200 })
    return { listed, has: listed.json.data.some(({ id }: { id: string }) => id === conversation_id) }
  }
  for (const archived of [true, false]) {
    const changed = await context.call('updateConversation', { path, body: { archived }, expect: 200 })
    expectEqual(changed.json.archived, archived, 'archived', 'updateConversation 200', changed)
    for (const asked of [undefined, false, true]) {
      const { listed, has } = await isListed(asked)
      const should = (asked ?? false) === archived
      const message = `archived=${archived}: with archived=${asked ?? 'nothing'} it is ${has ? '' : 'not '}listed`
      expect(has === should, message, 'listConversations: archived', listed)
    }
  }
}

const mergesMetadata = async (context: Context): Promise<void> => {
  const conversation_id = await context.conversation()
  const path = { conversation_id }
  const patch = async (metadata: Record<string, string | null>, expected: Record<string, string>) => {
    const done = await context.call('updateConversation', { path, body: { metadata }, expect: 200 })
    const all = { conformance: context.mark, ...expected }
    expectEqual(done.json.metadata, all, 'metadata', 'MetadataPatch: RFC 7396', done)
  }
  await patch({ a: '1', b: '2' }, { a: '1', b: '2' })
  await patch({ b: null, c: '' }, { a: '1', c: '' })
  await patch({ never: null }, { a: '1', c: '' })
  await patch({}, { a: '1', c: '' })
  await patch({ a: null, c: null, ['k'.repeat(64)]: 'v'.repeat(512) }, { ['k'.repeat(64)]: 'v'.repeat(512) })
  const many = Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`key${i}`, 'x']))
  for (const metadata of [{ ['k'.repeat(65)]: 'x' }, { a: 'v'.repeat(513) }, { '': 'x' }, { a: 1 }, many])
    await expectProblem(context, 'updateConversation', { path, body: { metadata } }, 422, 'validation-failed')
  const query = { metadata: { conformance: context.mark, ['k'.repeat(64)]: 'v'.repeat(512) } }
  // One that the filter leaves out.
  await context.conversation()
  const listed = await context.call('listConversations', { query, expect: 200 })
  const ids = listed.json.data.map(({ id }: { id: string }) => id)
  expectEqual(
    ids,
    [conversation_id],
    'the list of those with this pair',
    'listConversations: metadata',
    listed,
  )
}

/** Checks that a conversation with this turn is gone for each operation that names it, and for the list. */
export const expectGone = async (
  context: Context,
  { conversation_id = '', turn_id = '', message_id = '' }: Record<string, string>,
  promise: string,
): Promise<void> => {
  const body = { conversation_id, message: shortMessage }
  const path = { conversation_id }
  const gone = 'conversation-not-found'
  const named: [operation: string, path: Record<string, string>, code: string, body?: object][] = [
    ['deleteConversation', path, gone],
    ['getConversation', path, gone],
    ['updateConversation', path, gone, { title: 'x' }],
    ['listMessages', path, gone],
    ['listTurns', path, gone],
    ['streamConversation', path, gone],
    ['getTurn', { turn_id }, 'turn-not-found'],
    ['streamTurn', { turn_id }, 'turn-not-found'],
    ['cancelTurn', { turn_id }, 'turn-not-found'],
    ['getMessage', { message_id }, 'message-not-found'],
    ['createTurn', {}, gone, body],
    ['streamNewTurn', {}, gone, body],
  ]
  for (const [operation, path, code, body] of named)
    await expectProblem(context, operation, { path, ...(body && { body }) }, 404, code)
  const listed = await context.call('listConversations', { query: { limit: 100 }, expect: 200 })
  const isListed = listed.json.data.some(({ id }: { id: string }) => id === conversation_id)
  expect(!isListed, 'a conversation that is gone is listed', promise, listed)
}

const deletes = async (context: Context): Promise<void> => {
  const conversation_id = await context.conversation()
  const body = { conversation_id, message: shortMessage }
  const { json } = await context.call('createTurn', { body, expect: 200 })
  await context.call('deleteConversation', { path: { conversation_id }, expect: 204 })
  await expectGone(context, { ...json, conversation_id }, 'deleteConversation: at once and for good')
}

/** Conversations: made, changed and deleted. */
export const conversationChecks: Check[] = [
  {
    id: 'conversation.create',
    title: 'a new conversation is as it was asked for, and is where Location says',
    operation: 'createConversation',
    run: createsOne,
  },
  {
    id: 'conversation.begin',
    title: 'a first message begins a conversation with a title',
    operation: 'createTurn',
    run: firstMessage,
  },
  {
    id: 'conversation.update',
    title: 'an update changes what it names, and no order',
    operation: 'updateConversation',
    run: updates,
  },
  {
    id: 'conversation.archive',
    title: 'archived conversations are listed only with archived=true',
    operation: 'updateConversation',
    run: archives,
  },
  {
    id: 'conversation.metadata',
    title: 'metadata is merged (RFC 7396), bounded, and a filter',
    operation: 'updateConversation',
    run: mergesMetadata,
  },
  {
    id: 'conversation.delete',
    title: 'a deleted conversation is gone for every operation',
    operation: 'deleteConversation',
    run: deletes,
  },
]
