import type { Check, Context } from '../check.js'
import type { Contract, Operation } from '../contract.js'
import {
  beginsTurn,
  checksForEach,
  expect,
  expectEqual,
  expectErrorAt,
  expectProblem,
  namesRow,
  rowIdsOf,
  sampleFor,
  snapshot,
  unknownId,
} from '../samples.js'

/** What the operation says of a row that does not exist. */
const notFoundCode = ({ path }: Operation): string => {
  if (path.includes('{turn_id}')) return 'turn-not-found'
  return path.includes('{message_id}') ? 'message-not-found' : 'conversation-not-found'
}

const unknownIds = () => ({ conversation_id: unknownId(), turn_id: unknownId(), message_id: unknownId() })

/** A problem without what differs between two requests, ids included. */
const comparable = ({ request_id, instance, ...rest }: Record<string, unknown>): string =>
  JSON.stringify(rest).replace(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g, 'an id')

const ofAnotherUser = async (context: Context, operation: Operation): Promise<void> => {
  const { a, b } = context
  const ids = await context.turn(b)
  const before = await snapshot(context, b, ids.conversation_id)
  const code = notFoundCode(operation)
  const others = await expectProblem(
    context,
    operation,
    { ...sampleFor(operation, { ...ids }), as: a },
    404,
    code,
  )
  const unknown = await expectProblem(
    context,
    operation,
    { ...sampleFor(operation, unknownIds()), as: a },
    404,
    code,
  )
  expectEqual(
    comparable(others.json),
    comparable(unknown.json),
    "the problem about another user's row",
    'A row of another user is answered like one that does not exist',
    others,
  )
  const after = await snapshot(context, b, ids.conversation_id)
  expectEqual(after, before, 'the conversation of the other user', 'Who may call', others)
}

const malformedIds = [
  'x',
  '0',
  '019A0C4E-7B7A-7C11-9F0E-3D5A2B1C4D6E',
  '019a0c4e-7b7a-4c11-9f0e-3d5a2b1c4d6e',
]

const withMalformedId = async (context: Context, operation: Operation): Promise<void> => {
  const names = rowIdsOf(operation)
  for (const id of malformedIds) {
    const path = Object.fromEntries(names.map((name) => [name, id]))
    const sample = sampleFor(operation, {})
    const options = beginsTurn(operation)
      ? { body: { ...(sample.body as object), conversation_id: id } }
      : { ...sample, path }
    const judged = await expectProblem(context, operation, options, 422, 'validation-failed')
    expectErrorAt(judged, beginsTurn(operation) ? '/body/conversation_id' : `/path/${names[0]}`)
  }
}

const inLists = async (context: Context): Promise<void> => {
  const { a, b } = context
  const [own, others] = [await context.conversation(a), await context.conversation(b)]
  const { json } = await context.call('getConversation', { path: { conversation_id: own }, expect: 200 })
  for (const query of [{ limit: 100 }, { limit: 100, metadata: json.metadata }]) {
    const listed = await context.call('listConversations', { as: a, query, expect: 200 })
    const ids = listed.json.data.map(({ id }: { id: string }) => id)
    expect(!ids.includes(others), "a list has another user's conversation", 'Who may call', listed)
    expect(ids.includes(own), 'a list lacks a conversation of the user', 'listConversations', listed)
  }
}

/** What belongs to somebody else, or to nobody. */
export const isolationChecks = ({ operations }: Contract): Check[] => {
  const withRows = operations.filter(namesRow)
  return [
    ...checksForEach(
      withRows,
      'other-row',
      () => "another user's row is answered like one that does not exist, and is not changed",
      ofAnotherUser,
    ),
    ...checksForEach(
      withRows,
      'malformed-id',
      () => 'an id that is no UUIDv7 in lower case is 422',
      withMalformedId,
    ),
    {
      id: 'other-row.lists',
      title: 'a list has no conversation of another user',
      operation: 'listConversations',
      run: inLists,
    },
  ]
}
