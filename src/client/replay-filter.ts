import type { StreamEvent } from './event-stream.js'
import { ColloquyError } from './problem.js'

type ToolEvent = Extract<StreamEvent, { toolCallId: string }>

type Kind = 'text' | 'reasoning'

const kindOf = ({ type }: StreamEvent): Kind => (type.startsWith('text') ? 'text' : 'reasoning')

interface Replay {
  said: Record<Kind, string>
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
  /** what the reader has: text and reasoning, the open part of each, and tool events by type and call */
  const said: Record<Kind, string> = { text: '', reasoning: '' }
  const openIds: Partial<Record<Kind, string>> = {}
  const toolEvents = new Map<string, string>()
  let firstAttempt: string | undefined
  /** what has been replayed; undefined before the first replay */
  let replay: Replay | undefined
  let replays = 0

  const pass = (event: StreamEvent): StreamEvent[] => {
    switch (event.type) {
      case 'text-start':
      case 'reasoning-start':
        openIds[kindOf(event)] = event.id
        break
      case 'text-delta':
      case 'reasoning-delta':
        said[kindOf(event)] += event.delta
        break
      case 'text-end':
      case 'reasoning-end':
        delete openIds[kindOf(event)]
    }
    if ('toolCallId' in event) toolEvents.set(`${event.type} ${event.toolCallId}`, canonicalJson(event))
    return [event]
  }
  const endPart = (kind: Kind): StreamEvent[] => {
    const id = openIds[kind]
    return id === undefined ? [] : pass({ type: `${kind}-end`, id })
  }
  const endParts = () => [...endPart('reasoning'), ...endPart('text')]

  const passDelta = (kind: Kind, replay: Replay, delta: string): StreamEvent[] => {
    const before = replay.said[kind]
    const now = before + delta
    replay.said[kind] = now
    if (!now.startsWith(said[kind].slice(0, now.length))) throw answerReplaced()
    const rest = now.slice(Math.max(said[kind].length, before.length))
    if (rest === '') return []
    const other = endPart(kind === 'text' ? 'reasoning' : 'text')
    const id = openIds[kind] ?? `${kind}-again-${replays}`
    const start = openIds[kind] === undefined ? pass({ type: `${kind}-start`, id }) : []
    return [...other, ...start, ...pass({ type: `${kind}-delta`, id, delta: rest })]
  }

  const passTool = (replay: Replay, event: ToolEvent): StreamEvent[] => {
    const known = toolEvents.get(`${event.type} ${event.toolCallId}`)
    if (known === undefined && replay.isNewAttempt && replay.tools < toolEvents.size) throw answerReplaced()
    replay.tools += 1
    if (known === undefined) return [...endParts(), ...pass(event)]
    if (replay.isNewAttempt && known !== canonicalJson(event)) throw answerReplaced()
    return []
  }

  /** Takes the next event and its attempt; returns the events that are new to the reader. */
  return (event: StreamEvent, attempt: string): StreamEvent[] => {
    if (event.type === 'start' && firstAttempt !== undefined) {
      replay = { said: { text: '', reasoning: '' }, tools: 0, isNewAttempt: attempt !== firstAttempt }
      replays += 1
    }
    firstAttempt ??= attempt
    if (replay === undefined) return pass(event)
    switch (event.type) {
      case 'start':
      case 'start-step':
      case 'text-start':
      case 'text-end':
      case 'reasoning-start':
      case 'reasoning-end':
      case 'finish-step':
        return []
      case 'text-delta':
      case 'reasoning-delta':
        return passDelta(kindOf(event), replay, event.delta)
      case 'tool-input-available':
      case 'tool-output-available':
      case 'tool-output-error':
        return passTool(replay, event)
      case 'data-turn':
      case 'data-tool-progress':
        return [event]
      case 'finish':
        if (replay.said.text !== said.text || replay.tools < toolEvents.size) throw answerReplaced()
        return [...endParts(), { type: 'finish-step' }, event]
      default:
        return [...endParts(), event]
    }
  }
}
