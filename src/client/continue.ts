import type { StreamEvent } from './event-stream.js'

/**
 * Makes one message's stream out of several connections. When one begins anew from `start`, because its events were
 * folded away meanwhile, what the reader has already is left out. Throws when the turn was begun anew and says
 * something else.
 */
export const createContinuation = () => {
  /** what the reader has */
  let text = ''
  let openText: string | undefined
  const tools = new Set<string>()
  let hasStarted = false
  /** the text that came again; undefined while nothing does */
  let again: string | undefined
  let restarts = 0

  const pass = (event: StreamEvent): StreamEvent[] => {
    if (event.type === 'text-start') openText = event.id
    if (event.type === 'text-end') openText = undefined
    if (event.type === 'text-delta') text += event.delta
    if ('toolCallId' in event) tools.add(`${event.type} ${event.toolCallId}`)
    return [event]
  }
  const endText = (): StreamEvent[] =>
    openText === undefined ? [] : pass({ type: 'text-end', id: openText })

  const passText = (delta: string): StreamEvent[] => {
    const before = again ?? ''
    again = before + delta
    if (!again.startsWith(text.slice(0, again.length))) throw new Error('The answer was begun anew.')
    const rest = again.slice(Math.max(text.length, before.length))
    if (rest === '') return []
    const id = openText ?? `text-again-${restarts}`
    const start = openText === undefined ? pass({ type: 'text-start', id }) : []
    return [...start, ...pass({ type: 'text-delta', id, delta: rest })]
  }

  return (event: StreamEvent): StreamEvent[] => {
    if (event.type === 'start' && hasStarted) {
      again = ''
      restarts += 1
    }
    hasStarted = true
    if (again === undefined) return pass(event)
    switch (event.type) {
      case 'start':
      case 'start-step':
      case 'text-start':
      case 'text-end':
        return []
      case 'finish-step':
        return []
      case 'text-delta':
        return passText(event.delta)
      case 'tool-input-available':
      case 'tool-output-available':
      case 'tool-output-error':
        return tools.has(`${event.type} ${event.toolCallId}`) ? [] : [...endText(), ...pass(event)]
      case 'data-turn':
        return [event]
      case 'finish':
        return [...endText(), { type: 'finish-step' }, event]
      default:
        return [...endText(), event]
    }
  }
}
