import assert from 'node:assert/strict'
import { readUIMessageStream, type UIMessage, type UIMessageChunk } from 'ai'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { connect } from '../../src/db/connect.js'
import type { Database } from '../../src/db/database.js'
import type { Model, ModelEvent } from '../../src/models/model.js'
import { runModel } from '../../src/turns/agent/run-model.js'
import { answerParts } from '../../src/turns/answer-parts.js'
import { createAttemptLog } from '../../src/turns/attempts/attempt-log.js'
import { createHeartbeat } from '../../src/turns/attempts/heartbeat.js'
import type { Answer, TurnEvent } from '../../src/turns/events.js'
import { createTurnStore } from '../../src/turns/store/turn-store.js'
import { readFrames } from '../../src/turns/stream/frames.js'
import { cutOffCall } from '../../src/turns/turn-errors.js'
import type { AttemptIds } from '../../src/turns/types.js'
import { eventFaults } from '../helpers/contract.js'
import { testDatabase } from '../helpers/database.js'
import { until } from '../helpers/models.js'
import { drawSeed, runs } from '../helpers/seed.js'
import { begin, newTurn } from '../helpers/turns.js'

const numRuns = runs(40)

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    '"',
    "\\'",
    '\\u0000',
    '{"a":1}',
    'null',
    '\0',
    '\ud83d',
    '\ude00',
    '😀',
    '\n\n',
    'data: x',
  ),
)
const ms = fc.nat(2_147_483_647)
const callId = fc.constantFrom('a', 'b', 'c"', 'd\\')

/** What a model may say: texts, reasoning, and calls whose results come later, twice, for nothing or not at all. */
const modelEvents: fc.Arbitrary<ModelEvent[]> = fc.array(
  fc.oneof(
    text.map((delta): ModelEvent => ({ type: 'text-delta', delta })),
    text.map((delta): ModelEvent => ({ type: 'reasoning-delta', delta })),
    fc.record({
      type: fc.constant('tool-call' as const),
      id: callId,
      name: fc.string({ minLength: 1 }),
      arguments: fc.dictionary(text, fc.jsonValue()),
    }),
    fc.record({
      type: fc.constant('tool-result' as const),
      id: callId,
      result: fc.jsonValue(),
      duration_ms: ms,
    }),
    fc.record({ type: fc.constant('tool-error' as const), id: callId, error: text, duration_ms: ms }),
  ),
  { maxLength: 20 },
)

/** What the program makes of what a model says: the events that are streamed and stored, and their fold. */
const run = async (said: readonly ModelEvent[]) => {
  const events: TurnEvent[] = []
  const model: Model = {
    name: 'said',
    async *run() {
      yield* said
    },
  }
  const { signal } = new AbortController()
  const request = { system: undefined, history: [], message: 'hi', signal }
  const { answer } = await runModel(model, request, (event) => events.push(event))
  return { events, answer: JSON.parse(JSON.stringify(answer)) }
}

/** The events as an instance's ticks store them, in pieces. */
const store = async (db: Database, ids: AttemptIds, events: readonly TurnEvent[]): Promise<void> => {
  const warnings: object[] = []
  const log = { warn: (fields: object) => warnings.push(fields) }
  const turnStore = createTurnStore(db)
  const heartbeat = createHeartbeat({ store: turnStore, leaseMs: 600_000, log, tickMs: 0 })
  const attemptLog = createAttemptLog(ids)
  const { release } = heartbeat.hold(attemptLog, () => {})
  const half = Math.ceil(events.length / 2)
  for (const part of [events.slice(0, half), events.slice(half)]) {
    attemptLog.append(...part)
    await until(async () => {
      if (warnings.length > 0) throw new Error('a tick failed', { cause: warnings[0] })
      const stored = (await turnStore.readTurn('alice', ids.turnId))?.events.length ?? 0
      return stored >= attemptLog.events.length
    })
  }
  release()
}

const database = async (t: Test): Promise<Database> => {
  const { url } = await testDatabase(t)
  const db = connect({ url, max: 3, prepare: 'auto' })
  t.teardown(() => db.close())
  return db
}

t.test('what SQL makes of stored events, the program makes of the same ones', async (t) => {
  const db = await database(t)
  let events = 0
  let closed = 0
  const property = fc.asyncProperty(modelEvents, async (said) => {
    const { events: all, answer } = await run(said)
    // An instance that is killed closes no open call, so SQL has to.
    const open = all.filter((event) => event.type !== 'tool-error' || event.error !== cutOffCall)
    closed += all.length - open.length
    // A call's progress is stored with the others, and is no part of the answer.
    const stored = open.flatMap((event): TurnEvent[] =>
      event.type === 'tool-call'
        ? [event, { type: 'tool-progress', id: event.id, progress: 1, total: 2, message: 'half' }]
        : [event],
    )
    const turn = newTurn({ leaseMs: 600_000 })
    await begin(db, turn)
    await store(db, { ...turn, attempt: 1 }, stored)
    events += stored.length
    const { readTurn } = createTurnStore(db)
    assert.deepEqual((await readTurn('alice', turn.turnId))?.events, stored)
    // In one transaction, so that a tick that is still under way does not renew the lease in between.
    await db.asUser('alice', async (sql) => {
      await sql`update colloquy.turns set lease_until = now() - interval '1 second' where id = ${turn.turnId}`
      await sql`
        select colloquy.interrupt_turn(
          p_user_id => 'alice', p_turn_id => ${turn.turnId}, p_cut_off => ${cutOffCall})`
    })
    const { end } = (await readTurn('alice', turn.turnId)) ?? {}
    assert.equal(end?.status, 'interrupted')
    assert.deepEqual(
      { content: end.response, tool_calls: end.tool_calls, reasoning: end.reasoning },
      { content: answer.text, tool_calls: answer.tool_calls, reasoning: answer.reasoning },
    )
  })
  await fc.assert(property, { numRuns, seed: drawSeed(t) })
  t.ok(events > numRuns, `${events} events were stored`)
  t.ok(closed > 10, `${closed} calls were open`)
})

/** The frames of an ended attempt. */
const framesOf = async (
  ids: AttemptIds,
  known: readonly TurnEvent[],
  { text: response, tool_calls: toolCalls, reasoning }: Answer,
) => {
  const attemptLog = createAttemptLog(ids, known)
  const { conversationId, turnId, userMessageId, messageId } = ids
  attemptLog.close({
    kind: 'ended',
    end: {
      status: 'completed',
      conversation_id: conversationId,
      turn_id: turnId,
      user_message_id: userMessageId,
      message_id: messageId,
      response,
      tool_calls: toolCalls,
      reasoning,
      finish_reason: 'stop',
      model: 'said',
      usage: {
        input_tokens: null,
        output_tokens: null,
        cached_input_tokens: null,
        reasoning_tokens: null,
        total_tokens: null,
        cost: null,
      },
      error: null,
    },
  })
  const { signal } = new AbortController()
  const batches: string[] = []
  const chunks: UIMessageChunk[] = []
  for await (const frames of readFrames(attemptLog, { heartbeatMs: 60_000, signal })) {
    for (const { id, event } of frames) {
      batches.push(`id: ${id}\ndata: ${event ? JSON.stringify(event) : '[DONE]'}\n\n`)
      if (event) chunks.push(event)
    }
  }
  return { text: batches.join(''), chunks }
}

/** A message's texts, reasoning and calls in order. Steps may part a text, which is one all the same. */
const piecesOf = (parts: UIMessage['parts']) => {
  const pieces: (string | { type: string; text: string })[] = []
  for (const part of parts) {
    const last = pieces.at(-1)
    if (part.type === 'dynamic-tool') pieces.push(part.toolCallId)
    else if (part.type !== 'text' && part.type !== 'reasoning') continue
    else if (typeof last === 'object' && last.type === part.type) last.text += part.text
    else pieces.push({ type: part.type, text: part.text })
  }
  return pieces
}

t.test('the AI SDK reads from any stream of a turn the message that is stored', async (t) => {
  let messages = 0
  const property = fc.asyncProperty(modelEvents, fc.nat(), async (said, at) => {
    // A provider's ids are its own, and a result follows its call: the SDK refuses anything else.
    const calls = new Set<string>()
    const proper = said.filter((event) => {
      if ('delta' in event) return true
      if (!('id' in event) || event.type === 'tool-call') {
        const isNew = 'id' in event && !calls.has(event.id)
        if ('id' in event) calls.add(event.id)
        return isNew
      }
      return calls.has(event.id)
    })
    const { events, answer } = await run(proper)
    const id = uuidv7()
    const ids = {
      userId: 'alice',
      conversationId: id,
      turnId: id,
      userMessageId: id,
      messageId: id,
      attempt: 1,
    }
    // All was streamed, or some of it and the rest came with the end.
    for (const known of [events, events.slice(0, at % (events.length + 1)), []]) {
      const { text, chunks } = await framesOf(ids, known, answer)
      const faults = eventFaults(text)
      if (faults.length > 0) throw new Error(faults.join('; '))
      const stream = new ReadableStream<UIMessageChunk>({
        start(controller) {
          for (const chunk of chunks) controller.enqueue(chunk)
          controller.close()
        },
      })
      let read: UIMessage['parts'] = []
      for await (const { parts } of readUIMessageStream({ stream, terminateOnError: true })) read = parts
      messages += 1
      assert.deepEqual(
        piecesOf(read),
        answerParts(answer.text, answer.tool_calls, answer.reasoning).map((part) =>
          part.type === 'tool-call' ? part.call.id : part,
        ),
      )
    }
  })
  await fc.assert(property, { numRuns: 2 * numRuns, seed: drawSeed(t) })
  t.equal(messages, 6 * numRuns, 'every stream is read')
})
