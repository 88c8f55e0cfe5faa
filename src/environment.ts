import { parseConnectionUrl, UnsupportedUrlError } from './db/connection-target.js'

/** An invalid configuration. The message names the variable and the values it accepts. */
export class ConfigError extends Error {}

export type Environment = Record<string, string | undefined>

/** Reads and validates single variables. An empty one counts as absent. */
export const environmentReader = (env: Environment) => {
  const text = (name: string): string | undefined => env[name]?.trim() || undefined
  const fail = (name: string, expected: string): never => {
    throw new ConfigError(`${name} must be ${expected}.`)
  }
  const oneOf = <T extends string>(name: string, values: readonly T[], fallback: T): T => {
    const value = text(name) ?? fallback
    return values.find((allowed) => allowed === value) ?? fail(name, `one of ${values.join(', ')}`)
  }
  const integer = (name: string, fallback: number, min: number, max: number): number => {
    const value = text(name) ?? String(fallback)
    const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN
    return number >= min && number <= max ? number : fail(name, `an integer from ${min} to ${max}`)
  }
  const decimal = (name: string, max: number): number | undefined => {
    const value = text(name)
    if (value === undefined) return undefined
    return /^\d(\.\d{1,3})?$/.test(value) && Number(value) <= max
      ? Number(value)
      : fail(name, `a number from 0 to ${max}, such as 0.7`)
  }
  const list = (name: string): string[] =>
    text(name)
      ?.split(',')
      .map((part) => part.trim()) ?? []
  const webUrl = (name: string): URL | undefined => {
    const value = text(name)
    if (value === undefined) return undefined
    const url = /^https?:\/\//i.test(value) && URL.canParse(value) ? new URL(value) : undefined
    // fetch rejects a URL with a password, with an error message that shows it.
    const isPlain = url && !url.username && !url.password && !url.hash
    return isPlain
      ? url
      : fail(name, 'a URL that begins with http:// or https://, without a user or a fragment')
  }
  const databaseUrl = (name: string): string | undefined => {
    const value = text(name)
    if (value === undefined) return undefined
    try {
      if (!/^postgres(ql)?:\/\/./.test(value)) throw new TypeError('another protocol')
      parseConnectionUrl(value, 'auto')
      return value
    } catch (error) {
      if (error instanceof UnsupportedUrlError) return fail(name, error.message)
      return fail(
        name,
        'a URL such as postgres://user:password@host:5432/database, with any of :/?#[]@% in its parts percent-encoded',
      )
    }
  }
  return { text, fail, oneOf, integer, decimal, list, webUrl, databaseUrl }
}

export type EnvironmentReader = ReturnType<typeof environmentReader>
