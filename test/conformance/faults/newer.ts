import { withJson } from '../change.js'
import type { Fault } from '../proxy.js'

/** A new field is in all answers of a schema, and not in those of others. */
const schemaOf = (operation: string): string =>
  operation === 'createTurn' ? 'answer' : (/Conversation|Turn|Message/.exec(operation)?.[0] ?? operation)

const grow = (value: unknown, operation: string): unknown => {
  const grown = (inner: unknown) => grow(inner, operation)
  if (Array.isArray(value)) return value.map(grown)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).map(([name, inner]) =>
    // They hold the user's own pairs, or a tool's.
    name === 'metadata' || name === 'arguments'
      ? [name, inner]
      : [name, grow(inner, name === 'usage' ? 'Usage' : operation)],
  )
  return { ...Object.fromEntries(fields), [`added_to_${schemaOf(operation)}`]: { in: 'version 1.9' } }
}

/** What the contract lets a later version add: fields, headers, and events whose type begins with `data-`. */
export const newerServer: Fault = {
  answer: (answer, { operation }) => ({
    ...withJson(answer, (json) => grow(json, operation)),
    headers: { ...answer.headers, 'x-added-later': '1', deprecation: '@1798761600' },
  }),
  streamHeaders: (headers) => ({ ...headers, 'x-added-later': '1' }),
  frames: () => (frame) => {
    const [, data = ''] = /\ndata: (\{.*)$/s.exec(frame) ?? []
    if (data === '') return [frame]
    const { type, ...event } = JSON.parse(data)
    return [frame.replace(data, JSON.stringify({ type, ...event, addedLater: true }))]
  },
}
