import type { Check, Context, Judged, StreamEvent } from '../check.js'
import {
  expect,
  expectEqual,
  expectProblem,
  framesOf,
  shortMessage,
  turnDataOf,
  unknownId,
} from '../samples.js'

const message = shortMessage
const sse = { accept: 'text/event-stream' }

/** The texts of a stream, one for each text part. */
const textsOf = (events: StreamEvent[]): string[] => {
  const texts = new Map<string, string>()
  for (const { type, id, delta } of events)
    if (type === 'text-start' || type === 'text-delta')
      texts.set(String(id), (texts.get(String(id)) ?? '') + String(delta ?? ''))
  return [...texts.values()]
}

/** Texts before and after tool calls are parted by an empty line, which may be a part of them. */
const isText = (events: StreamEvent[], content: string): boolean => {
  const texts = textsOf(events)
  return texts.join('') === content || texts.filter((text) => text !== '').join('\n\n') === content
}

/** A stream tells of the turn what is stored of it. */
const agrees = async (context: Context, stream: Judged): Promise<void> => {
  const { turn_id = '', conversation_id, user_message_id } = turnDataOf(stream)
  const { json: turn } = await context.call('getTurn', { path: { turn_id }, expect: 200 })
  expectEqual(
    [turn.conversation_id, turn.user_message_id, turn.message_id],
    [conversation_id, user_message_id, stream.events[0]?.messageId],
    "the turn's ids",
    'StreamEvent: start and data-turn',
    stream,
  )
  const { json } = await context.call('getMessage', { path: { message_id: turn.message_id }, expect: 200 })
  const streamed = JSON.stringify(textsOf(stream.events)).slice(0, 200)
  expect(
    isText(stream.events, json.content),
    `the texts are ${streamed}, the stored answer is "${json.content.slice(0, 200)}"`,
    'StreamEvent: text-delta',
    stream,
  )
  const ends: Record<string, string> = {
    completed: 'finish',
    cancelled: 'abort',
    failed: 'error',
    interrupted: 'error',
  }
  const last = stream.events.at(-1)?.type
  const promised = ends[turn.status]
  if (promised) expectEqual(last, promised, `the last event of a ${turn.status} turn`, 'StreamEvent', stream)
  const calls = stream.events.filter(({ type }) => type === 'tool-input-available')
  expectEqual(
    calls.map(({ toolCallId }) => toolCallId),
    json.tool_calls.map(({ id }: { id: string }) => id),
    'the tool calls',
    'StreamEvent: tool-input-available',
    stream,
  )
}

const begins = (operation: string) => async (context: Context) => {
  const conversation_id = await context.conversation()
  let stored: Promise<Judged> | undefined
  let turn_id = ''
  const stream = await context.call(operation, {
    body: { conversation_id, message },
    headers: sse,
    expect: 200,
    onFrame: ({ data }) => {
      if (data.includes('"data-turn"')) turn_id = JSON.parse(data).data.turn_id
      // "The last one comes only after the turn's end is stored."
      if (/"type":\s*"(finish|abort|error)"/.test(data))
        stored ??= context.call('getTurn', { path: { turn_id }, expect: 200 })
      return undefined
    },
  })
  const turn = await stored
  expect(
    turn !== undefined && turn.json.status !== 'running',
    'the turn runs although its last event has come',
    'StreamEvent: the last one comes only after the end is stored',
    turn,
  )
  await agrees(context, stream)
}

const negotiates = async (context: Context): Promise<void> => {
  const body = { conversation_id: await context.conversation(), message }
  const json = await context.call('createTurn', {
    body,
    headers: { accept: 'application/json' },
    expect: 200,
  })
  expect(json.json?.turn_id !== undefined, 'the answer is no JSON', 'createTurn 200, application/json', json)
  const streamed = await context.call('createTurn', { body, headers: sse, expect: 200 })
  expect(streamed.events.length > 0, 'the answer is no stream', 'createTurn 200, text/event-stream', streamed)
  expectEqual(
    streamed.headers['x-vercel-ai-ui-message-stream'],
    'v1',
    'x-vercel-ai-ui-message-stream',
    'StreamVersionIfStreamed',
    streamed,
  )
  for (const operation of ['createTurn', 'streamNewTurn']) {
    await expectProblem(context, operation, { body: { message: '' }, headers: sse }, 422, 'validation-failed')
    const unknown = { conversation_id: unknownId(), message }
    await expectProblem(context, operation, { body: unknown, headers: sse }, 404, 'conversation-not-found')
  }
  const path = { turn_id: unknownId() }
  await expectProblem(context, 'streamTurn', { path, headers: sse }, 404, 'turn-not-found')
}

/** The rest after the given frame, or all of it anew. */
const resumesExactly = async (context: Context, turn_id: string, all: Judged): Promise<void> => {
  const path = { turn_id }
  const whole = framesOf(all)
  for (const [at, frame] of (all.response?.frames ?? []).entries()) {
    const rest = await context.call('streamTurn', {
      path,
      headers: { 'last-event-id': frame.id },
      expect: 200,
    })
    const got = framesOf(rest)
    const isRest = got.join('\n') === whole.slice(at + 1).join('\n')
    const isAnew = got.join('\n') === whole.join('\n')
    expect(
      isRest || isAnew,
      `after ${frame.id} come ${got.length} frames that are neither the rest nor all of it`,
      'streamTurn: Last-Event-ID',
      rest,
    )
  }
}

const resumes = async (context: Context): Promise<void> => {
  const { turn_id } = await context.turn()
  const path = { turn_id }
  const all = await context.call('streamTurn', { path, expect: 200 })
  expectEqual(turnDataOf(all).turn_id, turn_id, 'the turn of the stream', 'streamTurn 200', all)
  await agrees(context, all)
  const again = await context.call('streamTurn', { path, expect: 200 })
  expectEqual(framesOf(again), framesOf(all), 'the second replay', 'streamTurn: replays the turn', again)
  await resumesExactly(context, turn_id, all)
  // Of an older or a later attempt, or beyond the end: the replay starts anew.
  for (const id of ['2147483647-1', '1-2147483647']) {
    const anew = await context.call('streamTurn', { path, headers: { 'last-event-id': id }, expect: 200 })
    const got = framesOf(anew)
    const isKnown = got.length === 0 || got.join('\n') === framesOf(all).join('\n')
    expect(
      isKnown,
      `after ${id} come ${got.length} frames that are not the whole`,
      'streamTurn: Last-Event-ID',
      anew,
    )
  }
}

const eventIds = async (context: Context): Promise<void> => {
  const ids = await context.turn()
  const bad = ['x', '0-1', '1', '1-', '-1', '01-1', '1-1-1', '1.5-1', '12345678901-1', '""']
  for (const operation of ['streamTurn', 'streamConversation'])
    for (const id of bad) {
      const path: Record<string, string> = { turn_id: ids.turn_id, conversation_id: ids.conversation_id }
      await expectProblem(
        context,
        operation,
        { path, headers: { 'last-event-id': id } },
        422,
        'validation-failed',
      )
    }
}

const idle = async (context: Context): Promise<void> => {
  const { conversation_id } = await context.turn()
  for (const headers of [{}, { 'last-event-id': '1-1' }])
    await context.call('streamConversation', { path: { conversation_id }, headers, expect: 204 })
}

/** Streams of turns that have ended, or that nobody leaves. */
export const streamChecks: Check[] = [
  {
    id: 'stream.new',
    title: 'a new turn is streamed in order, to its stored end',
    operation: 'streamNewTurn',
    run: begins('streamNewTurn'),
  },
  {
    id: 'stream.accept',
    title: 'createTurn streams to who accepts it, to its stored end',
    operation: 'createTurn',
    run: begins('createTurn'),
  },
  {
    id: 'stream.negotiation',
    title: 'the answer is what Accept asks for, a refusal is always a problem',
    operation: 'createTurn',
    run: negotiates,
  },
  {
    id: 'stream.resume',
    title: 'a stream goes on after Last-Event-ID, or starts anew',
    operation: 'streamTurn',
    run: resumes,
  },
  {
    id: 'stream.event-id',
    title: 'a Last-Event-ID that is none is 422',
    operation: 'streamTurn',
    run: eventIds,
  },
  {
    id: 'stream.idle',
    title: 'the stream of a conversation that runs no turn is 204',
    operation: 'streamConversation',
    run: idle,
  },
]
