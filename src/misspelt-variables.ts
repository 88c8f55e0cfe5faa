import { closestName } from './closest-name.js'
import type { Environment } from './environment.js'

/** Kubernetes sets such for a service that is called `chat`. */
const serviceLink = /_(?:SERVICE_(?:HOST|PORT(?:_.+)?)|PORT(?:_\d+_(?:TCP|UDP)(?:_.+)?)?)$/

/** Below this length, one letter more or less often makes another program's variable. */
const MIN_LENGTH = 8

const likelySpelling = (name: string, known: readonly string[]): string | undefined => {
  const upper = name.toUpperCase().replaceAll('-', '_')
  const [whole, ...others] = known.filter((candidate) => candidate.startsWith(`${upper}_`))
  return closestName(upper, known) ?? (others.length === 0 ? whole : undefined)
}

/**
 * Warnings about set variables that have no effect and look as if they should: every unknown `CHAT_…`, and those that are one
 * letter away from a variable which is not set. `known` are all names that the configuration reads.
 */
export const misspeltVariables = (env: Environment, known: ReadonlySet<string>): string[] => {
  const isUnset = (name: string) => !env[name]?.trim()
  const candidates = [...known]
  const mistakable = candidates.filter((name) => name.length >= MIN_LENGTH && isUnset(name))
  return Object.keys(env).flatMap((name) => {
    if (isUnset(name) || known.has(name)) return []
    const isOurs = /^chat[_-]/i.test(name) && !serviceLink.test(name)
    const likely = isOurs ? likelySpelling(name, candidates) : closestName(name, mistakable, 1)
    if (!likely) return isOurs ? [`${name} has no effect: Colloquy has no such variable.`] : []
    return [`${name} has no effect: did you mean ${likely}?`]
  })
}
