import type { components } from '../../../generated/contract.js'
import type { StreamEvent } from '../../client/index.js'

type Message = components['schemas']['Message']

/** A tool call, stored or under way. */
export interface Call {
  id: string
  name: string
  status: 'writing' | 'running' | 'completed' | 'failed' | 'waiting' | 'denied'
  /** what the model passes; text while it is still being written */
  input: unknown
  output?: unknown
  error?: string | undefined
  durationMs?: number | null | undefined
  /** from 0 to 1, where the tool knows how much there is to do */
  progress?: number | undefined
  note?: string | undefined
}

/** A piece of an answer as it is shown. */
export type Part =
  | { type: 'text' | 'reasoning'; id: string; text: string; isOpen: boolean }
  | { type: 'tool'; id: string; call: Call }

const callStatuses = ['completed', 'failed', 'waiting', 'denied'] as const

const storedCall = (call: Message['tool_calls'][number]): Call => ({
  id: call.id,
  name: call.name,
  status: callStatuses.find((known) => known === call.status) ?? 'completed',
  input: call.arguments,
  output: call.result,
  error: call.error,
  durationMs: call.duration_ms,
})

/** The parts of a stored answer. Those of types that this page does not know are left out. */
export const partsOf = ({ parts, tool_calls }: Message): Part[] =>
  parts.flatMap(({ type, text = '', tool_call_id }, index): Part[] => {
    const id = String(index)
    if (type === 'text' || type === 'reasoning') return [{ type, id, text, isOpen: false }]
    const call = tool_calls.find((call) => call.id === tool_call_id)
    return type === 'tool-call' && call ? [{ type: 'tool', id, call: storedCall(call) }] : []
  })

const changeText = (
  parts: readonly Part[],
  id: string,
  change: (part: Exclude<Part, { type: 'tool' }>) => Part,
): Part[] => parts.map((part) => (part.type !== 'tool' && part.id === id ? change(part) : part))

const changeCall = (parts: readonly Part[], id: string, change: (call: Call) => Partial<Call>): Part[] =>
  parts.map((part) =>
    part.type === 'tool' && part.id === id ? { ...part, call: { ...part.call, ...change(part.call) } } : part,
  )

/** Begins a call, or goes on with one whose input has been written. */
const beginCall = (parts: readonly Part[], call: Call): Part[] =>
  parts.some(({ type, id }) => type === 'tool' && id === call.id)
    ? changeCall(parts, call.id, () => call)
    : [...parts, { type: 'tool', id: call.id, call }]

/** The answer's parts after the next event. */
export const addEvent = (parts: readonly Part[], event: StreamEvent): readonly Part[] => {
  switch (event.type) {
    case 'text-start':
    case 'reasoning-start':
      return [
        ...parts,
        { type: event.type === 'text-start' ? 'text' : 'reasoning', id: event.id, text: '', isOpen: true },
      ]
    case 'text-delta':
    case 'reasoning-delta':
      return changeText(parts, event.id, (part) => ({ ...part, text: part.text + event.delta }))
    case 'text-end':
    case 'reasoning-end':
      return changeText(parts, event.id, (part) => ({ ...part, isOpen: false }))
    case 'tool-input-start':
      return beginCall(parts, { id: event.toolCallId, name: event.toolName, status: 'writing', input: '' })
    case 'tool-input-delta':
      return changeCall(parts, event.toolCallId, ({ input }) => ({
        input: `${input}${event.inputTextDelta}`,
      }))
    case 'tool-input-available':
      return beginCall(parts, {
        id: event.toolCallId,
        name: event.toolName,
        status: 'running',
        input: event.input,
      })
    case 'tool-input-error':
      return beginCall(parts, {
        id: event.toolCallId,
        name: event.toolName,
        status: 'failed',
        input: event.input,
        error: event.errorText,
      })
    case 'tool-approval-request':
      return changeCall(parts, event.toolCallId, () => ({ status: 'waiting' }))
    case 'tool-output-available':
      return changeCall(parts, event.toolCallId, () => ({ status: 'completed', output: event.output }))
    case 'tool-output-error':
      return changeCall(parts, event.toolCallId, () => ({ status: 'failed', error: event.errorText }))
    case 'tool-output-denied':
      return changeCall(parts, event.toolCallId, () => ({ status: 'denied' }))
    case 'data-tool-progress': {
      const { tool_call_id, progress, total, message } = event.data
      return changeCall(parts, tool_call_id, () => ({
        progress: total ? Math.min(progress / total, 1) : undefined,
        note: message,
      }))
    }
    default:
      return parts
  }
}

/** The text of an answer, for the clipboard and for screen readers. */
export const textOf = (parts: readonly Part[]): string =>
  parts.flatMap((part) => (part.type === 'text' && part.text ? [part.text] : [])).join('\n\n')
