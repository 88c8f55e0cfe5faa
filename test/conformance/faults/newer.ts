import { withJson } from '../change.js'
import type { Fault } from '../proxy.js'

const grown = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(grown)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).map(([name, inner]) =>
    // They hold the user's own pairs, or a tool's.
    name === 'metadata' || name === 'arguments' ? [name, inner] : [name, grown(inner)],
  )
  return { ...Object.fromEntries(fields), added_later: { in: 'version 1.9' } }
}

/** What the contract lets a later version add: fields, headers, and events whose type begins with `data-`. */
export const newerServer: Fault = {
  answer: (answer) => ({
    ...withJson(answer, grown as (json: unknown) => unknown),
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
