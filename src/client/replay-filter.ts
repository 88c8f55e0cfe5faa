import type { StreamEvent } from './event-stream.js'
import { ColloquyError } from './problem.js'

type ToolEvent = Extract<StreamEvent, { toolCallId: string }>

interface Replay {
  text: string
  tools: number
  isNewAttempt: boolean
}

const answerReplaced = () =>
  new ColloquyError('The answer was restarted. Call resumeStream() to show the new one.', {
    code: 'turn-interrupted',
    status: 503,
  })

/** Serializes an event with sorted keys, because jsonb does not keep their order. */
const canonicalJson = (event: StreamEvent): string =>
  JSON.stringify(event, (_key, value) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )

/**
 * Joins the streams of several connections into one message. When a connection replays the message from `start`, because the stored
 * events were compacted meanwhile, the filter removes what the reader already has. Throws when a new attempt's answer differs from
 * the one shown, because a streamed message can only grow.
 */
export const createReplayFilter = () => {
  /** what the reader has: text, the open text part, and tool events by type and call */
  let text = ''
  let openTextId: string | undefined
  const toolEvents = new Map<string, string>()
  let firstAttempt: string | undefined
  /** what has been replayed; undefined before the first replay */
  let replay: Replay | undefined
  let replays = 0

  const pass = (event: StreamEvent): StreamEvent[] => {
    if (event.type === 'text-start') openTextId = event.id
    if (event.type === 'text-end') openTextId = undefined
    if (event.type === 'text-delta') text += event.delta
    if ('toolCallId' in event) toolEvents.set(`${event.type} ${event.toolCallId}`, canonicalJson(event))
    return [event]
  }
  const endText = (): StreamEvent[] =>
    openTextId === undefined ? [] : pass({ type: 'text-end', id: openTextId })

  const passText = (replay: Replay, delta: string): StreamEvent[] => {
    const before = replay.text
    replay.text += delta
    const known = text.slice(0, replay.text.length)
    if (!replay.text.startsWith(known)) throw answerReplaced()
    const rest = replay.text.slice(Math.max(text.length, before.length))
    if (rest === '') return []
    const id = openTextId ?? `text-again-${replays}`
    const start = openTextId === undefined ? pass({ type: 'text-start', id }) : []
    return [...start, ...pass({ type: 'text-delta', id, delta: rest })]
  }

  const passTool = (replay: Replay, event: ToolEvent): StreamEvent[] => {
    const known = toolEvents.get(`${event.type} ${event.toolCallId}`)
    if (known === undefined && replay.isNewAttempt && replay.tools < toolEvents.size) throw answerReplaced()
    replay.tools += 1
    if (known === undefined) return [...endText(), ...pass(event)]
    if (replay.isNewAttempt && known !== canonicalJson(event)) throw answerReplaced()
    return []
  }

  /** Takes the next event and its attempt; returns the events that are new to the reader. */
  return (event: StreamEvent, attempt: string): StreamEvent[] => {
    if (event.type === 'start' && firstAttempt !== undefined) {
      replay = { text: '', tools: 0, isNewAttempt: attempt !== firstAttempt }
      replays += 1
    }
    firstAttempt ??= attempt
    if (replay === undefined) return pass(event)
    switch (event.type) {
      case 'start':
      case 'start-step':
      case 'text-start':
      case 'text-end':
      case 'finish-step':
        return []
      case 'text-delta':
        return passText(replay, event.delta)
      case 'tool-input-available':
      case 'tool-output-available':
      case 'tool-output-error':
        return passTool(replay, event)
      case 'data-turn':
      case 'data-tool-progress':
        return [event]
      case 'finish':
        if (replay.text !== text || replay.tools < toolEvents.size) throw answerReplaced()
        return [...endText(), { type: 'finish-step' }, event]
      default:
        return [...endText(), event]
    }
  }
}
