import type { WireResponse } from '../client.js'

/** An entry of RateLimit or RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10): a name and whole numbers. */
const entry = /^"([^"]+)"((?:;[a-z*][a-z0-9_.*-]*=(?:\d+|"[^"]*"|:[^:]*:))*)$/

/** The entries by their names, each with its parameters; undefined when it cannot be read. */
const readEntries = (text: string): Map<string, Map<string, string>> | undefined => {
  const entries = new Map<string, Map<string, string>>()
  for (const part of text.split(',')) {
    const [, name, parameters = ''] = entry.exec(part.trim()) ?? []
    if (name === undefined) return undefined
    const pairs = parameters.split(';').slice(1)
    entries.set(
      name,
      new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)])),
    )
  }
  return entries
}

/** What is wrong with one of the two headers of a 429; both may be left out. */
const headerFaults = (
  { headers }: Pick<WireResponse, 'headers'>,
  name: 'ratelimit' | 'ratelimit-policy',
  limit: string,
  isRight: (parameters: Map<string, string>) => boolean,
): string[] => {
  const text = headers[name]
  if (text === undefined) return []
  const entries = readEntries(text)
  if (!entries) return [`the header ${name} is "${text.slice(0, 200)}", which is no list of limits`]
  const found = entries.get(limit)
  if (!found) return [`the header ${name} does not have ${limit}, the limit that is reached`]
  return isRight(found) ? [] : [`the header ${name} is "${text.slice(0, 200)}", and ${limit} is reached`]
}

const isNumber = (text: string | undefined): boolean => /^\d+$/.test(text ?? '')

/** A 429 names the limit that is reached, and its headers say the same; the 503 of the budget for all users names that. */
export const rateLimitFaults = (
  response: Pick<WireResponse, 'headers' | 'status'>,
  { code, limit }: { code: string; limit?: unknown },
): string[] => {
  if (code === 'service-budget-exceeded')
    return limit === 'budget' ? [] : [`limit is ${limit ?? 'missing'}, not budget`]
  if (response.status !== 429) return []
  if (typeof limit !== 'string') return ['limit, which says which limit is reached, is missing']
  return [
    ...headerFaults(response, 'ratelimit', limit, (parameters) => parameters.get('r') === '0'),
    ...headerFaults(response, 'ratelimit-policy', limit, (parameters) => isNumber(parameters.get('q'))),
  ]
}
