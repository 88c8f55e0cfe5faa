import type { CallOptions, User } from './check.js'
import type { WireRequest } from './client.js'
import type { Operation } from './contract.js'

const encode = encodeURIComponent

/** A query as the contract writes it: lists separated by commas, objects as `name[key]=value`. */
const toQuery = (query: Record<string, unknown>): string =>
  Object.entries(query)
    .flatMap(([name, value]) => {
      if (value === undefined) return []
      if (Array.isArray(value)) return [`${encode(name)}=${value.map(String).map(encode).join(',')}`]
      if (typeof value === 'object' && value !== null)
        return Object.entries(value).map(
          ([key, one]) => `${encode(`${name}[${key}]`)}=${encode(String(one))}`,
        )
      return [`${encode(name)}=${encode(String(value))}`]
    })
    .join('&')

const fillPath = (path: string, values: Record<string, string>): string =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name]
    if (value === undefined) throw new Error(`The check has no value for {${name}} of ${path}.`)
    return encode(value)
  })

const streamType = 'text/event-stream'

/** What an operation answers with on success is a stream only. */
export const isStream = ({ responses }: Operation): boolean => {
  const types = Object.keys(responses[200]?.content ?? {})
  return types.length === 1 && types[0] === streamType
}

/** Whether its path answers HEAD: every GET does that is answered with JSON alone. */
export const hasHead = ({ method, responses }: Operation): boolean =>
  method === 'GET' && Object.keys(responses[200]?.content ?? {}).every((type) => type === 'application/json')

export const toRequest = (
  baseUrl: string,
  defaultUser: User,
  operation: Operation,
  options: CallOptions,
): WireRequest => {
  const { as = defaultUser, path = {}, query = '', body, rawBody, method = operation.method } = options
  const queryText = typeof query === 'string' ? query : toQuery(query)
  const filled = fillPath(operation.path, { user_id: (as ?? defaultUser).id, ...path })
  const bytes = rawBody ?? (body === undefined ? undefined : JSON.stringify(body))
  const headers: Record<string, string | string[] | undefined> = {
    authorization: as && !operation.isPublic ? `Bearer ${as.token}` : undefined,
    'content-type':
      bytes === undefined ? undefined : (Object.keys(operation.body ?? {})[0] ?? 'application/json'),
    accept: isStream(operation) ? streamType : undefined,
    ...options.headers,
  }
  return {
    method,
    url: `${baseUrl}${filled}${queryText === '' ? '' : `?${queryText}`}`,
    headers: Object.fromEntries(
      Object.entries(headers).filter((entry): entry is [string, string | string[]] => entry[1] !== undefined),
    ),
    body: bytes,
  }
}
