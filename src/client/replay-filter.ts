import type { StreamEvent } from './event-stream.js'
import { ColloquyError } from './problem.js'

type ToolEvent = Extract<StreamEvent, { toolCallId: string }>

const begunAnew = () =>
  new ColloquyError('The answer was begun anew. resumeStream() shows the new one.', {
    code: 'turn-interrupted',
    status: 503,
  })

/** A tool's event, whatever order PostgreSQL gave the keys of its values. */
const nameOf = (event: StreamEvent): string =>
  JSON.stringify(event, (_key, value) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )

/**
 * Makes one message's stream out of several connections. When one begins anew from `start`, because its events were
 * folded away meanwhile, what the reader has already is left out. Throws when the turn was begun anew and says
 * something else: a message that is being streamed only grows.
 */
export const createContinuation = () => {
  /** what the reader has */
  let text = ''
  let openText: string | undefined
  /** the tools' events, by type and call */
  const tools = new Map<string, string>()
  let attempt: string | undefined
  /** what came again; undefined while nothing does */
  let again: { text: string; tools: number; isOther: boolean } | undefined
  let restarts = 0

  const pass = (event: StreamEvent): StreamEvent[] => {
    if (event.type === 'text-start') openText = event.id
    if (event.type === 'text-end') openText = undefined
    if (event.type === 'text-delta') text += event.delta
    if ('toolCallId' in event) tools.set(`${event.type} ${event.toolCallId}`, nameOf(event))
    return [event]
  }
  const endText = (): StreamEvent[] =>
    openText === undefined ? [] : pass({ type: 'text-end', id: openText })

  const passText = (came: { text: string }, delta: string): StreamEvent[] => {
    const before = came.text
    came.text += delta
    const known = text.slice(0, came.text.length)
    if (!came.text.startsWith(known)) throw begunAnew()
    const rest = came.text.slice(Math.max(text.length, before.length))
    if (rest === '') return []
    const id = openText ?? `text-again-${restarts}`
    const start = openText === undefined ? pass({ type: 'text-start', id }) : []
    return [...start, ...pass({ type: 'text-delta', id, delta: rest })]
  }

  const passTool = (came: { tools: number; isOther: boolean }, event: ToolEvent): StreamEvent[] => {
    const known = tools.get(`${event.type} ${event.toolCallId}`)
    if (known === undefined && came.isOther && came.tools < tools.size) throw begunAnew()
    came.tools += 1
    if (known === undefined) return [...endText(), ...pass(event)]
    if (came.isOther && known !== nameOf(event)) throw begunAnew()
    return []
  }

  /** The next event, with the number of the attempt that says it. */
  return (event: StreamEvent, by: string): StreamEvent[] => {
    if (event.type === 'start' && attempt !== undefined) {
      again = { text: '', tools: 0, isOther: by !== attempt }
      restarts += 1
    }
    attempt ??= by
    if (again === undefined) return pass(event)
    switch (event.type) {
      case 'start':
      case 'start-step':
      case 'text-start':
      case 'text-end':
      case 'finish-step':
        return []
      case 'text-delta':
        return passText(again, event.delta)
      case 'tool-input-available':
      case 'tool-output-available':
      case 'tool-output-error':
        return passTool(again, event)
      case 'data-turn':
        return [event]
      case 'finish':
        if (again.text !== text || again.tools < tools.size) throw begunAnew()
        return [...endText(), { type: 'finish-step' }, event]
      default:
        return [...endText(), event]
    }
  }
}
