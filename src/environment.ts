import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { parseConnectionUrl, type ServerKind, UnsupportedUrlError } from './db/connection-target.js'

/** An invalid configuration. The message names the variable and the values it accepts. */
export class ConfigError extends Error {}

export type Environment = Record<string, string | undefined>

const digits = z
  .string()
  .regex(/^\d{1,10}$/)
  .transform(Number)
const fraction = z
  .string()
  .regex(/^\d(\.\d{1,3})?$/)
  .transform(Number)
const plainUrl = z
  .string()
  .regex(/^https?:\/\//i)
  .refine(URL.canParse)
  .transform((url) => new URL(url))
  // fetch rejects a URL with a password, with an error message that shows it.
  .refine(({ username, password, hash }) => !username && !password && !hash)

/** Reads and validates single variables. An empty one counts as absent. */
export const environmentReader = (env: Environment) => {
  const text = (name: string): string | undefined => env[name]?.trim() || undefined
  const fail = (name: string, expected: string): never => {
    throw new ConfigError(`${name} must be ${expected}.`)
  }
  /** What the file has whose path the variable is. Undefined when it is not set. */
  const file = (name: string): string | undefined => {
    const path = text(name)
    try {
      return path === undefined ? undefined : readFileSync(path, 'utf8')
    } catch (error) {
      return fail(name, `the path of a readable file (${(error as NodeJS.ErrnoException).code})`)
    }
  }
  /** The JSON of the file whose path the variable is. Undefined when it is not set. */
  const json = <T>(name: string, schema: z.ZodType<T>): T | undefined => {
    const content = file(name)
    if (content === undefined) return undefined
    let value: unknown
    try {
      value = JSON.parse(content)
    } catch {
      return fail(name, 'the path of a file of valid JSON')
    }
    const { success, data, error } = schema.safeParse(value)
    if (success) return data
    const [issue] = error.issues
    return fail(
      name,
      `the path of a valid file: at /${issue?.path.join('/') ?? ''}: ${issue?.message ?? 'invalid'}`,
    )
  }
  /** Undefined when the variable is not set. */
  const parse = <T>(name: string, schema: z.ZodType<T>, expected: string): T | undefined => {
    const value = text(name)
    if (value === undefined) return undefined
    const { success, data } = schema.safeParse(value)
    return success ? data : fail(name, expected)
  }
  const oneOf = <T extends string>(name: string, values: readonly T[], fallback: T): T =>
    parse(name, z.literal(values), `one of ${values.join(', ')}`) ?? fallback
  const integer = (name: string, fallback: number, min: number, max: number): number =>
    parse(name, digits.pipe(z.number().min(min).max(max)), `an integer from ${min} to ${max}`) ?? fallback
  const decimal = (name: string, max: number): number | undefined =>
    parse(name, fraction.pipe(z.number().max(max)), `a number from 0 to ${max}, such as 0.7`)
  const list = (name: string): string[] =>
    text(name)
      ?.split(',')
      .map((part) => part.trim()) ?? []
  const webUrl = (name: string): URL | undefined =>
    parse(name, plainUrl, 'a URL that begins with http:// or https://, without a user or a fragment')
  const databaseUrl = (name: string, kind?: ServerKind): string | undefined => {
    const value = text(name)
    if (value === undefined) return undefined
    try {
      if (!/^postgres(ql)?:\/\/./.test(value)) throw new TypeError('another protocol')
      parseConnectionUrl(value, 'auto', kind)
      return value
    } catch (error) {
      if (error instanceof UnsupportedUrlError) return fail(name, error.message)
      return fail(
        name,
        'a URL such as postgres://user:password@host:5432/database, with any of :/?#[]@% in its parts percent-encoded',
      )
    }
  }
  return { text, fail, file, json, parse, oneOf, integer, decimal, list, webUrl, databaseUrl }
}

export type EnvironmentReader = ReturnType<typeof environmentReader>
