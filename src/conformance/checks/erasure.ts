import { type Check, type Context, NotSeen } from '../check.js'
import { expect, expectEqual, expectErrorAt, expectProblem, shortMessage, snapshot } from '../samples.js'

const needsTheId = async (context: Context): Promise<void> => {
  const { b } = context
  const { conversation_id } = await context.turn(b)
  const before = await snapshot(context, b, conversation_id)
  for (const query of [{}, { confirm: 'nobody-whom-a-check-knows' }, { confirm: '' }]) {
    const refused = await expectProblem(context, 'eraseUser', { as: b, query }, 422, 'validation-failed')
    expectErrorAt(refused, '/query/confirm')
    const after = await snapshot(context, b, conversation_id)
    expectEqual(after, before, 'a conversation after the refused erasure', 'eraseUser: confirm', refused)
  }
}

const erases = async (context: Context): Promise<void> => {
  const { a, b } = context
  if (!context.mayErase) throw new NotSeen('erasing the users was not permitted: --erase permits it')
  const kept = (await context.turn(a)).conversation_id
  const before = await snapshot(context, a, kept)
  const body = { conversation_id: await context.conversation(b), message: shortMessage }
  const { json: turn } = await context.call('createTurn', { as: b, body, expect: 200 })
  const query = { confirm: b.id }
  const erased = await context.call('eraseUser', { as: b, query, expect: 200 })
  const { user_id, rows } = erased.json
  expectEqual(user_id, b.id, 'user_id', 'Erasure: user_id', erased)
  const isCounted = rows.conversations >= 1 && rows.turns >= 1 && rows.messages >= 2 && rows.usage >= 1
  expect(isCounted, `the rows are ${JSON.stringify(rows)}`, 'Erasure: rows', erased)

  for (const [operation, row, code] of [
    ['getConversation', { conversation_id: turn.conversation_id }, 'conversation-not-found'],
    ['listMessages', { conversation_id: turn.conversation_id }, 'conversation-not-found'],
    ['getTurn', { turn_id: turn.turn_id }, 'turn-not-found'],
    ['getMessage', { message_id: turn.message_id }, 'message-not-found'],
  ] as const)
    await expectProblem(context, operation, { as: b, path: row }, 404, code)
  for (const operation of ['listConversations', 'listUsage']) {
    const listed = await context.call(operation, { as: b, expect: 200 })
    expectEqual(
      listed.json.data,
      [],
      `${operation} after the erasure`,
      'eraseUser: all that is stored',
      listed,
    )
  }
  const again = await context.call('eraseUser', { as: b, query, expect: 200 })
  const sum = Object.values<number>(again.json.rows).reduce((total, count) => total + count, 0)
  expectEqual(sum, 0, 'the rows of a second erasure', 'eraseUser: repeating it is safe', again)
  const after = await snapshot(context, a, kept)
  expectEqual(after, before, 'a conversation of the other user', 'eraseUser: the user', again)
}

/** Erasing a user. The last of all: user B has nothing afterwards. */
export const erasureChecks: Check[] = [
  {
    id: 'erase.confirm',
    title: 'without the same id in `confirm` nothing is erased',
    operation: 'eraseUser',
    run: needsTheId,
  },
  {
    id: 'erase.all',
    title: 'everything of a user is erased and counted, and nothing of another user',
    operation: 'eraseUser',
    run: erases,
  },
]
