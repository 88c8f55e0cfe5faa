import t from 'tap'
import { type AttemptLog, createAttemptLog } from '../../src/turns/attempts/attempt-log.js'
import type { TurnEvent } from '../../src/turns/events.js'
import { type Frame, readFrames } from '../../src/turns/stream/frames.js'
import type { StoredEnd } from '../../src/turns/types.js'

const ids = {
  userId: 'alice',
  conversationId: 'c',
  turnId: 't',
  userMessageId: 'u',
  messageId: 'm',
  attempt: 2,
}
const end = (response: string): StoredEnd => ({
  status: 'completed',
  conversation_id: 'c',
  turn_id: 't',
  user_message_id: 'u',
  message_id: 'm',
  response,
  tool_calls: [],
  reasoning: [],
  finish_reason: 'stop',
  model: 'test',
  usage: {
    input_tokens: null,
    output_tokens: null,
    cached_input_tokens: null,
    reasoning_tokens: null,
    total_tokens: null,
    cost: null,
  },
  error: null,
})
const words = (...deltas: string[]): TurnEvent[] => deltas.map((delta) => ({ type: 'text-delta', delta }))

const textOf = (frames: readonly Frame[]): string =>
  frames.map(({ event }) => (event?.type === 'text-delta' ? event.delta : '')).join('')

/** Reads an attempt to its end; gives the batches. */
const read = async (attemptLog: AttemptLog, after?: string): Promise<(readonly Frame[])[]> => {
  const batches: (readonly Frame[])[] = []
  const { signal } = new AbortController()
  for await (const frames of readFrames(attemptLog, { after, heartbeatMs: 60_000, signal }))
    batches.push(frames)
  return batches
}

t.test('a reader that has more than was kept gets all of the end, whoever read it before', async (t) => {
  // Four frames and one word are known here; the reader has two words, and the other instance said three.
  const attemptLog = createAttemptLog(ids, words('one '))
  const reading = [read(attemptLog), read(attemptLog, '2-6'), read(attemptLog, '2-5')]
  attemptLog.close({ kind: 'ended', end: end('one two three') })
  const [fresh = [], ahead = [], level = []] = (await Promise.all(reading)).map((batches) => batches.flat())
  t.equal(textOf(fresh), 'one two three', 'a new reader gets the whole end')
  t.equal(textOf(ahead), 'one two three', 'it begins anew, since the numbers past what was kept mean others')
  t.equal(ahead[0]?.event?.type, 'start', 'it begins anew with a start')
  t.equal(textOf(level), 'two three', 'one that has just what was kept goes on')
})

t.test('frames are numbered from 1 on, without gaps, in batches that are bounded', async (t) => {
  const many = Array.from({ length: 5_000 }, (_, n) => `${n} `)
  const attemptLog = createAttemptLog(ids, words(...many))
  attemptLog.close({ kind: 'ended', end: end(many.join('')) })
  const batches = await read(attemptLog)
  const frames = batches.flat()
  t.same(
    frames.map(({ id }) => id),
    frames.map((_, n) => `2-${n + 1}`),
    'ids count up from 1',
  )
  t.equal(textOf(frames), many.join(''), 'the batches hold the whole text')
  t.equal(frames.at(-1)?.event, undefined, 'the last one says that it is done')
  t.ok(Math.max(...batches.map(({ length }) => length)) <= 1_010, 'a slow reader has little waiting for it')
})

t.test('a silent attempt gives signs of life, and an aborted reader is let go', async (t) => {
  const attemptLog = createAttemptLog(ids)
  const gone = new AbortController()
  const reading = readFrames(attemptLog, { heartbeatMs: 1, signal: gone.signal })
  t.equal((await reading.next()).value?.length, 3, 'start, the turn and its first step')
  t.same((await reading.next()).value, [], 'silence is an empty batch')
  t.same((await reading.next()).value, [], 'further silence is another empty batch')
  attemptLog.append(...words('word'))
  let next = await reading.next()
  while (next.value?.length === 0) next = await reading.next()
  t.equal(textOf(next.value ?? []), 'word', 'the word is sent')
  gone.abort()
  t.same(await reading.next(), { done: true, value: undefined }, 'the aborted reader ends')
})

t.test('a stream whose attempt was handed over, or not stored, is cut without its end', async (t) => {
  for (const kind of ['handed-over', 'not-stored'] as const) {
    const attemptLog = createAttemptLog(ids, words('word'))
    attemptLog.close({ kind })
    const frames = (await read(attemptLog)).flat()
    t.equal(frames.at(-1)?.event?.type, 'text-delta', kind)
  }
})
