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

/** A server whose user has used many models on every day: far more rows than pages that a circle is given. */
export const muchUsedServer: Fault = {
  request: async (request, send) => {
    if (request.operation !== 'listUsage') return request
    const { pathname, searchParams: query } = new URL(request.url, 'http://h')
    const answer = await send({ ...request, url: pathname })
    return withJson(answer, ({ data, ...page }) => {
      const rows = Array.from({ length: 31 * 4 }, (_, at) => ({
        ...data[0],
        day: new Date(Date.now() - Math.floor(at / 4) * 86_400_000).toISOString().slice(0, 10),
        model: `some/model-${at % 4}`,
      }))
      const from = Number((query.get('cursor') ?? 'c0').slice(1))
      const end = from + Number(query.get('limit') ?? 20)
      return { ...page, data: rows.slice(from, end), next_cursor: end < rows.length ? `c${end}` : null }
    })
  },
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
