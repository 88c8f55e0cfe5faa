import { randomUUID } from 'node:crypto'
import { type CallOptions, type Check, type Context, Failure, type Judged } from '../check.js'
import {
  allOrFirstFailure,
  expect,
  expectEqual,
  expectErrorAt,
  expectProblem,
  shortMessage,
  turnDataOf,
} from '../samples.js'

const message = shortMessage

interface Send {
  key: string
  body: object
  as?: Context['a']
}

const send = (context: Context, { key, body, as }: Send, options: CallOptions = {}): Promise<Judged> =>
  context.call('createTurn', { ...(as && { as }), body, headers: { 'idempotency-key': key }, ...options })

const isReplayed = ({ headers }: Judged): boolean => headers['idempotency-replayed'] === 'true'

const countTurns = async (context: Context, conversation_id: string): Promise<number> => {
  const { json } = await context.call('listTurns', { path: { conversation_id }, expect: 200 })
  return json.data.length
}

const replays = async (context: Context): Promise<void> => {
  const body = { conversation_id: await context.conversation(), message }
  const key = randomUUID()
  const first = await send(context, { key, body }, { expect: 200 })
  expect(!isReplayed(first), 'the first answer says that it is replayed', 'Idempotency-Replayed', first)
  // A bare key and a quoted one are the same.
  for (const again of [key, `"${key}"`]) {
    const retry = await send(context, { key: again, body }, { expect: 200 })
    expectEqual(retry.json, first.json, 'the answer to the retry', 'createTurn: Safe retries', retry)
    expect(isReplayed(retry), 'Idempotency-Replayed is missing', 'createTurn: Safe retries', retry)
  }
  const streamed = await context.call('streamNewTurn', {
    body,
    headers: { 'idempotency-key': key },
    expect: 200,
  })
  expectEqual(
    turnDataOf(streamed).turn_id,
    first.json.turn_id,
    'the turn of the stream',
    'streamNewTurn: a key counts for both',
    streamed,
  )
  expect(isReplayed(streamed), 'Idempotency-Replayed is missing', 'streamNewTurn 200', streamed)
  expectEqual(
    await countTurns(context, body.conversation_id),
    1,
    'the number of turns',
    'createTurn: one key makes one turn',
    first,
  )
}

const mismatch = async (context: Context): Promise<void> => {
  const conversation_id = await context.conversation()
  const key = randomUUID()
  const first = await send(context, { key, body: { conversation_id, message } }, { expect: 200 })
  for (const body of [{ conversation_id, message: `${message}!` }, { message }]) {
    const headers = { 'idempotency-key': key }
    await expectProblem(context, 'createTurn', { body, headers }, 422, 'idempotency-key-mismatch')
    await expectProblem(context, 'streamNewTurn', { body, headers }, 422, 'idempotency-key-mismatch')
  }
  expectEqual(
    await countTurns(context, conversation_id),
    1,
    'the number of turns',
    'createTurn: one key makes one turn',
    first,
  )
}

const concurrent = async (context: Context): Promise<void> => {
  const body = { message: `${context.mark}: answer with the one word: yes` }
  const key = randomUUID()
  const sent = Array.from({ length: 4 }, () => send(context, { key, body }, { expect: [200, 409] }))
  const answers = await allOrFirstFailure(sent)
  for (const { status, json } of answers)
    if (status === 409)
      expectEqual(json.code, 'idempotency-key-in-use', 'the code', 'ProblemCode, idempotency-key-in-use')
  const turns = new Set(answers.map(({ json }) => json.turn_id))
  const conversations = new Set(answers.map(({ json }) => json.conversation_id))
  const last = answers.at(-1)
  expect(turns.size === 1, `one key made ${turns.size} turns`, 'createTurn: one key makes one turn', last)
  expect(
    conversations.size === 1,
    `one key made ${conversations.size} conversations`,
    'createTurn: one key makes one turn',
    last,
  )
  const anew = answers.filter((answer) => answer.status === 200 && !isReplayed(answer))
  expect(
    anew.length <= 1,
    `${anew.length} of the answers say that they are the first`,
    'Idempotency-Replayed',
    last,
  )
}

const ofTheUser = async (context: Context): Promise<void> => {
  const { a, b } = context
  const key = randomUUID()
  const body = { message: `${context.mark}: answer with the one word: yes` }
  const [own, others] = [
    await send(context, { key, body, as: a }, { expect: 200 }),
    await send(context, { key, body, as: b }, { expect: 200 }),
  ]
  expect(
    own.json.turn_id !== others.json.turn_id,
    'both users have the same turn',
    'Idempotency-Key: it belongs to the user',
    others,
  )
  expect(
    !isReplayed(others),
    "another user's key is replayed",
    'Idempotency-Key: it belongs to the user',
    others,
  )
  await expectProblem(
    context,
    'createTurn',
    { as: b, body: { message: 'another' }, headers: { 'idempotency-key': key } },
    422,
    'idempotency-key-mismatch',
  )
}

const refusals = async (context: Context): Promise<void> => {
  const conversation_id = await context.conversation()
  const key = randomUUID()
  const headers = { 'idempotency-key': key }
  await expectProblem(
    context,
    'createTurn',
    { body: { conversation_id, message: '' }, headers },
    422,
    'validation-failed',
  )
  const answer = await send(
    context,
    { key, body: { conversation_id, message } },
    { expect: 200, because: 'refusals are not remembered' },
  )
  expect(
    !isReplayed(answer),
    'the first turn of a key is replayed',
    'createTurn: Refusals are not remembered',
    answer,
  )
}

const malformedKeys = ['""', '"', '"a', 'x'.repeat(256), `"${'x'.repeat(256)}"`, '"a\tb"', 'a b', '\u00e9']

const keys = async (context: Context): Promise<void> => {
  const body = { conversation_id: await context.conversation(), message }
  for (const operation of ['createTurn', 'streamNewTurn']) {
    for (const key of malformedKeys) {
      const options = { body, headers: { 'idempotency-key': key } }
      const judged = await expectProblem(context, operation, options, 422, 'validation-failed').catch(
        (error) => {
          throw error instanceof Failure
            ? new Failure(`the key ${key.slice(0, 20)}: ${error.message}`, error.promise, error.exchange)
            : error
        },
      )
      expectErrorAt(judged, '/headers/Idempotency-Key')
    }
    const twice = { 'idempotency-key': [randomUUID(), randomUUID()] }
    await expectProblem(context, operation, { body, headers: twice }, 400, 'malformed-request')
  }
}

const withoutKey = async (context: Context): Promise<void> => {
  const body = { conversation_id: await context.conversation(), message }
  const first = await context.call('createTurn', { body, expect: 200 })
  const second = await context.call('createTurn', { body, expect: 200 })
  expect(first.json.turn_id !== second.json.turn_id, 'two messages are one turn', 'createTurn', second)
  expect(!isReplayed(second), 'an answer without a key is replayed', 'Idempotency-Replayed', second)
}

const operation = 'createTurn'

/** Idempotency-Key. */
export const idempotencyChecks: Check[] = [
  {
    id: 'idempotency.replay',
    title: 'the same key and body give the same answer, whole or as a stream, and one turn',
    operation,
    run: replays,
  },
  { id: 'idempotency.mismatch', title: 'the same key with another body is 422', operation, run: mismatch },
  {
    id: 'idempotency.concurrent',
    title: 'one key makes one turn, also when it is sent several times at once',
    operation,
    run: concurrent,
  },
  { id: 'idempotency.user', title: 'a key belongs to its user', operation, run: ofTheUser },
  { id: 'idempotency.refusal', title: 'a refusal is not remembered', operation, run: refusals },
  {
    id: 'idempotency.format',
    title: 'a key that is empty, too long, not visible ASCII or sent twice is refused',
    operation,
    run: keys,
  },
  { id: 'idempotency.none', title: 'without a key every message is a turn', operation, run: withoutKey },
]
