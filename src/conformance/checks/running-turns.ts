import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Check, type Context, Failure } from '../check.js'
import { type RunningTurn, stillRan, withLongTurn } from '../running-turn.js'
import { allOrFirstFailure, expect, expectEqual, framesOf, shortMessage, turnDataOf } from '../samples.js'

const shownAsRunning = (context: Context): Promise<void> =>
  withLongTurn(context, randomUUID(), async (turn) => {
    const { turn_id, conversation_id, user_message_id } = turn
    const path = { conversation_id }
    const got = await context.call('getTurn', { path: { turn_id }, expect: 200 })
    const conversation = await context.call('getConversation', { path, expect: 200 })
    const messages = await context.call('listMessages', { path, expect: 200 })
    const message_id = got.json.message_id
    const unlisted = await context.call('getMessage', { path: { message_id } })
    stillRan(turn)
    expectEqual(
      [got.json.status, got.json.finished_at],
      ['running', null],
      'status and finished_at',
      'Turn',
      got,
    )
    expectEqual(
      conversation.json.running_turn_id,
      turn_id,
      'running_turn_id',
      'Conversation: running_turn_id',
      conversation,
    )
    const ids = messages.json.data.map(({ id }: { id: string }) => id)
    expectEqual(
      ids,
      [user_message_id],
      'the messages',
      "listMessages: until then a turn shows its user's message only",
      messages,
    )
    expectEqual(
      unlisted.status,
      404,
      'the status',
      'getMessage: an answer whose turn has not ended is 404',
      unlisted,
    )
  })

const follows = (context: Context): Promise<void> =>
  withLongTurn(context, randomUUID(), async (turn) => {
    const { turn_id, conversation_id, body, key } = turn
    const seen: string[] = []
    // Leaves in the middle, and goes on from there.
    const left = await context.call('streamTurn', {
      path: { turn_id },
      expect: 200,
      onFrame: ({ data }) => {
        seen.push(data)
        return data.includes('"text-delta"')
      },
    })
    stillRan(turn)
    const lastId = left.response?.frames.at(-1)?.id ?? ''
    const readers = [
      context.call('streamTurn', { path: { turn_id }, headers: { 'last-event-id': lastId }, expect: 200 }),
      context.call('streamTurn', { path: { turn_id }, expect: 200 }),
      context.call('streamConversation', { path: { conversation_id }, expect: [200, 204] }),
      context.call('streamNewTurn', { body, headers: { 'idempotency-key': key }, expect: 200 }),
    ]
    const path = { turn_id }
    await sleep(300, undefined, { signal: context.signal })
    stillRan(turn)
    await context.call('cancelTurn', { path, expect: [200, 202] })
    const [first, rest, ...others] = await allOrFirstFailure([turn.stream, ...readers])
    if (!first || !rest) return
    const whole = framesOf(first)
    const at = whole.findIndex((frame) => frame.startsWith(`${lastId} `))
    expectEqual(
      framesOf(rest),
      whole.slice(at + 1),
      `the rest after ${lastId}`,
      'streamTurn: With Last-Event-ID the replay goes on after that event',
      rest,
    )
    for (const other of others) {
      if (other.status === 204) throw new Failure('204 while a turn ran', 'streamConversation 200', other)
      expectEqual(turnDataOf(other).turn_id, turn_id, 'the turn', other.operation.id, other)
      expectEqual(
        framesOf(other),
        whole,
        'what another reader of the turn was sent',
        'streamTurn: replays the turn from its first event',
        other,
      )
    }
  })

/** The next message waits for a while, and is refused after that; it never runs beside the turn. */
const queues = async (context: Context, operation: string, turn: RunningTurn): Promise<void> => {
  const { conversation_id, turn_id } = turn
  const body = { conversation_id, message: shortMessage }
  const waiting = await context.call(operation, { body, expect: [200, 409] })
  if (waiting.status === 409) {
    const { json } = waiting
    expectEqual(
      [json.code, json.turn_id],
      ['turn-in-progress', turn_id],
      'code and turn_id',
      'TurnConflict: turn_id names it',
      waiting,
    )
    return
  }
  const before = await context.call('getTurn', { path: { turn_id }, expect: 200 })
  expect(
    before.json.status !== 'running',
    'two turns of a conversation ran at once',
    'createTurn: Concurrent sends',
    waiting,
  )
}

const busy = (context: Context): Promise<void> =>
  withLongTurn(context, randomUUID(), async (turn) => {
    const { turn_id, body, key } = turn
    const headers = { 'idempotency-key': key }
    const [retry] = await allOrFirstFailure([
      context.call('createTurn', { body, headers, expect: [200, 409] }),
      queues(context, 'createTurn', turn),
      queues(context, 'streamNewTurn', turn),
    ])
    const { status, json } = retry
    if (status === 409)
      expectEqual(json.code, 'idempotency-key-in-use', 'code', 'TurnConflict: idempotency-key-in-use', retry)
    expectEqual(json.turn_id, turn_id, 'the turn of the retry', 'createTurn: one key makes one turn', retry)
  })

/** Turns that are met while they run. With a model that answers at once, they are not seen. */
export const runningTurnChecks: Check[] = [
  {
    id: 'running.shown',
    title: 'a running turn is shown as such, without its answer',
    operation: 'getTurn',
    run: shownAsRunning,
  },
  {
    id: 'running.follow',
    title: 'all readers of a running turn are sent the same, whenever they come',
    operation: 'streamTurn',
    run: follows,
  },
  {
    id: 'running.busy',
    title: 'a conversation runs one turn at a time: the next message waits, or is 409',
    operation: 'createTurn',
    run: busy,
  },
]
