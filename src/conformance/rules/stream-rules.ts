import type { Frame, WireResponse } from '../client.js'
import type { Contract } from '../contract.js'
import type { Fault } from './fault.js'
import { createFrameJudge, parseEvent } from './frame-rules.js'

/** "Comments come every 15 s while nothing else does", and some time on the way. */
const maxSilenceMs = 25_000

const lastEvents = new Set(['finish', 'abort', 'error'])

interface Event {
  type: string
  id?: string
  toolCallId?: string
  data?: { error?: unknown }
}

const frameOrder = (frames: Frame[]): string[] => {
  const numbers = frames.map(({ id = '' }) => id.split('-').map(Number) as [number, number])
  const later = numbers.slice(1).findIndex(([attempt, number], i) => {
    const [attemptBefore, numberBefore] = numbers[i] ?? [0, 0]
    return attempt < attemptBefore || (attempt === attemptBefore && number <= numberBefore)
  })
  return later < 0 ? [] : [`the id ${frames[later + 1]?.id} comes after ${frames[later]?.id}`]
}

/** Texts, reasoning, tool calls and steps are begun before they go on, once, and ended before the turn completes. */
const nesting = (events: Event[]): string[] => {
  const open = new Set<string>()
  const calls = new Set<string>()
  const faults: string[] = []
  for (const { type, id, toolCallId = '' } of events) {
    const [, kind, stage] = /^(text|reasoning)-(start|delta|end)$/.exec(type) ?? []
    const name = `${kind} ${id}`
    const isStep = type === 'start-step' || type === 'finish-step'
    const key = isStep ? 'step' : name
    if (stage === 'start' || type === 'start-step') {
      if (open.has(key)) faults.push(`${type} of ${key}, which has begun before`)
      open.add(key)
    } else if ((stage || isStep) && !open.has(key)) faults.push(`${type} before ${key} has begun`)
    if (stage === 'end' || type === 'finish-step') open.delete(key)
    if (type === 'tool-input-available' || type === 'tool-input-error') calls.add(toolCallId)
    if (/^tool-output-|^tool-approval/.test(type) && !calls.has(toolCallId))
      faults.push(`${type} of ${toolCallId}, which was not called`)
    if (type === 'finish' && open.size > 0) faults.push(`finish before the end of ${[...open].join(', ')}`)
  }
  return faults
}

const beginning = ([first, second]: Event[]): string[] => [
  ...(first?.type === 'start' ? [] : [`it begins with ${first?.type ?? 'nothing'}, not with start`]),
  ...(second === undefined || second.type === 'data-turn'
    ? []
    : [`${second.type} comes right after start, not data-turn`]),
]

const ending = (events: Event[], hasDone: boolean): string[] => {
  const at = events.findIndex(({ type }) => lastEvents.has(type))
  const last = events[at]
  const before = events.slice(0, at).findLast(({ type }) => type === 'data-turn')
  return [
    ...(hasDone ? [] : ['it ends without [DONE]']),
    ...(last ? [] : ['it ends without finish, abort or error']),
    ...(last && at < events.length - 1 ? [`${events[at + 1]?.type} comes after ${last.type}`] : []),
    ...(last?.type === 'error' && !before?.data?.error
      ? ['error comes without a data-turn that has its code']
      : []),
  ]
}

/** Judges streams of events: each frame, and their order. */
export const createStreamJudge = (contract: Contract) => {
  const frameFaults = createFrameJudge(contract, {
    known: 'KnownStreamEvent',
    later: 'LaterDataEvent',
    id: 'EventId',
    all: 'StreamEvent',
  })

  /** `isResumed`: it may begin anywhere, for it goes on after an event. */
  return (
    { frames, longestSilence, isComplete, isUtf8, text }: WireResponse,
    isResumed: boolean,
  ): Fault[] => {
    const faults = frames.flatMap(frameFaults)
    if (faults.length > 0) return faults
    const done = frames.findIndex(({ data }) => data === '[DONE]')
    const events = frames
      .filter(({ data }) => data !== '[DONE]')
      .flatMap(({ data }) => parseEvent<Event>(data) ?? [])
    const isFromStart = !isResumed || events[0]?.type === 'start'
    const order = [
      ...frameOrder(frames),
      ...(done >= 0 && done < frames.length - 1 ? ['there is more after [DONE]'] : []),
      ...(isFromStart && (isComplete || events.length > 0) ? [...beginning(events), ...nesting(events)] : []),
      // What was resumed after the last event has nothing but its end, or not even that.
      ...(isComplete && (isFromStart || events.length > 0) ? ending(events, done >= 0) : []),
      ...(isUtf8 ? [] : ['it is not UTF-8']),
      ...(text.startsWith('\ufeff') ? ['it begins with a byte order mark'] : []),
      ...(longestSilence > maxSilenceMs
        ? [`nothing came for ${longestSilence} ms, not even a comment, which comes every 15 s`]
        : []),
    ]
    return order.map((message) => ({ message: `the stream: ${message}`, promise: 'StreamEvent' }))
  }
}
