import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Check, type Context, type Judged, NotSeen } from '../check.js'
import { stillRan, withLongTurn } from '../running-turn.js'
import { expect, expectEqual, expectProblem } from '../samples.js'

const waitForEnd = async (context: Context, turn_id: string): Promise<Judged> => {
  for (let tries = 0; ; tries += 1) {
    const got = await context.call('getTurn', { path: { turn_id }, expect: 200 })
    if (got.json.status !== 'running') return got
    expect(tries < 100, 'the turn runs 20 s after it was told to stop', 'cancelTurn', got)
    await sleep(200, undefined, { signal: context.signal })
  }
}

const cancels = (context: Context): Promise<void> =>
  withLongTurn(context, randomUUID(), async (turn) => {
    const { turn_id, conversation_id, body, key } = turn
    const path = { turn_id }
    const told = await context.call('cancelTurn', { path, expect: [200, 202] })
    if (told.status === 200) {
      const promise = 'cancelTurn 200: the turn has ended'
      expect(told.json.status !== 'running', 'a running turn is 200', promise, told)
      const stored = await context.call('getTurn', { path, expect: 200 })
      expectEqual(stored.json, told.json, 'the turn that is said to have ended', promise, stored)
    }
    const ended = await waitForEnd(context, turn_id)
    if (ended.json.status === 'completed') throw new NotSeen('the turn ended before it could be cancelled')
    expectEqual(ended.json.status, 'cancelled', 'the status', 'cancelTurn', ended)
    const stream = await turn.stream
    expectEqual(stream.events.at(-1)?.type, 'abort', 'the last event', 'AbortEvent', stream)
    const streamed = stream.events
      .map(({ delta, type }) => (type === 'text-delta' ? String(delta) : ''))
      .join('')
    const message = await context.call('getMessage', {
      path: { message_id: ended.json.message_id },
      expect: 200,
    })
    expectEqual(
      [message.json.status, message.json.error],
      ['cancelled', null],
      'status and error',
      'Message',
      message,
    )
    expect(
      message.json.content !== '',
      'the text so far is lost',
      'cancelTurn: keeps the text it has so far',
      message,
    )
    const isKept = streamed.startsWith(message.json.content) || message.json.content.startsWith(streamed)
    expect(
      isKept,
      'the text that is kept is not the one that was streamed',
      'cancelTurn: keeps the text',
      message,
    )
    const again = await context.call('cancelTurn', { path, expect: 200 })
    expectEqual(
      again.json,
      ended.json,
      'the turn, cancelled again',
      'cancelTurn: Repeating it is safe',
      again,
    )
    const { json } = await context.call('getConversation', { path: { conversation_id }, expect: 200 })
    expectEqual(json.running_turn_id, null, 'running_turn_id', 'Conversation: running_turn_id')
    const retry = await context.call('createTurn', { body, headers: { 'idempotency-key': key }, expect: 200 })
    expectEqual(
      [retry.json.turn_id, retry.json.status],
      [turn_id, 'cancelled'],
      'the answer to a retry',
      'createTurn: a cancelled turn is answered again',
      retry,
    )
    expectEqual(
      retry.headers['idempotency-replayed'],
      'true',
      'Idempotency-Replayed',
      'createTurn: Safe retries',
      retry,
    )
  })

const cancelsNothing = async (context: Context): Promise<void> => {
  const { turn_id } = await context.turn()
  const path = { turn_id }
  const before = await context.call('getTurn', { path, expect: 200 })
  const cancelled = await context.call('cancelTurn', { path, expect: 200 })
  expectEqual(
    cancelled.json,
    before.json,
    'the turn',
    'cancelTurn: Cancelling a turn that has ended changes nothing',
    cancelled,
  )
}

const deleted = (context: Context): Promise<void> =>
  withLongTurn(context, randomUUID(), async (turn) => {
    const { conversation_id, turn_id, body, key } = turn
    const waiting = context.call('createTurn', {
      body,
      headers: { 'idempotency-key': key },
      expect: [200, 404, 409],
    })
    waiting.catch(() => {})
    await sleep(100, undefined, { signal: context.signal })
    stillRan(turn)
    await context.call('deleteConversation', { path: { conversation_id }, expect: 204 })
    const stream = await turn.stream
    if (stream.events.at(-1)?.type === 'finish')
      throw new NotSeen('the turn ended before it could be deleted')
    const told = stream.events.findLast(({ type }) => type === 'data-turn')?.data as {
      error?: { code: string }
    }
    expectEqual(
      [stream.events.at(-1)?.type, told.error?.code],
      ['error', 'turn-not-found'],
      'the last event and its code',
      'TurnFailureCode: turn-not-found',
      stream,
    )
    const answer = await waiting
    expect(
      answer.status !== 200,
      'who waited for the turn gets an answer',
      'deleteConversation: whoever waits gets 404',
      answer,
    )
    await expectProblem(context, 'getTurn', { path: { turn_id } }, 404, 'turn-not-found')
  })

/** Turns that are stopped before their end. With a model that answers at once, they are not seen. */
export const stoppedTurnChecks: Check[] = [
  {
    id: 'running.cancel',
    title: 'a cancelled turn stops, keeps its text, and is answered again to a retry',
    operation: 'cancelTurn',
    run: cancels,
  },
  {
    id: 'running.cancel-ended',
    title: 'cancelling a turn that has ended changes nothing',
    operation: 'cancelTurn',
    run: cancelsNothing,
  },
  {
    id: 'running.delete',
    title: 'a deleted conversation gives its running turn up, and tells its readers',
    operation: 'deleteConversation',
    run: deleted,
  },
]
