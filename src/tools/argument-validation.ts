import { type ErrorObject, MissingRefError, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { runWithTimeout, SyncTimeoutError } from './sync-timeout.js'

/** Returns a message for each invalid argument; an empty list when the arguments match the schema. */
export type ArgumentValidator = (args: Record<string, unknown>) => string[]

const MAX_ERRORS = 5
/** Users of one server share its schemas, so each schema is compiled once. */
const MAX_CACHED = 1_000
/** Reasonable schemas need far less than either limit. */
const COMPILE_MS = 1_000
const VALIDATE_MS = 250
/** How long a schema that took too long to compile counts as invalid: the machine may have been busy. */
const RECOMPILE_MS = 10 * 60_000

// No formats are registered: `format` is an annotation here, and tool servers enforce it themselves.
const ajvOptions = {
  strict: false,
  allErrors: true,
  logger: false,
  addUsedSchema: false,
} as const

const describeError = ({ instancePath, message, params }: ErrorObject): string => {
  const detail = params.additionalProperty ?? params.unevaluatedProperty ?? params.allowedValues?.join(', ')
  return `${instancePath || '/'} ${message}${detail === undefined ? '' : ` (${detail})`}`
}

const toArgumentValidator =
  (validate: ValidateFunction): ArgumentValidator =>
  (args) => {
    try {
      return runWithTimeout(VALIDATE_MS, () => validate(args))
        ? []
        : (validate.errors ?? []).slice(0, MAX_ERRORS).map(describeError)
    } catch (error) {
      if (error instanceof SyncTimeoutError) return ['validation took too long']
      throw error
    }
  }

/** With its meta-schema compiled, which takes longer than any tool's schema and must not count toward its limit. */
const createAjv = (): Ajv2020 => {
  const ajv = new Ajv2020(ajvOptions)
  ajv.validateSchema({})
  return ajv
}

/** Accepts all arguments: for a valid schema that cannot be compiled, such as one with a pattern that JavaScript refuses. */
export const acceptAll: ArgumentValidator = () => []

/** The field that makes a schema invalid, such as `inputSchema.properties.id.type`, as far as that can be said. */
export const invalidField = (schema: Record<string, unknown>): string => {
  const ajv = createAjv()
  try {
    if (runWithTimeout(COMPILE_MS, () => ajv.validateSchema(schema))) return 'inputSchema'
  } catch {
    return 'inputSchema'
  }
  const [error] = ajv.errors ?? []
  const names = (error?.instancePath ?? '').split('/').slice(1)
  return ['inputSchema', ...names.map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))].join('.')
}

/** Returns undefined for an invalid schema, which a provider would refuse together with all other tools. */
const compileSchema = (ajv: Ajv2020, schema: Record<string, unknown>): ArgumentValidator | undefined => {
  if (!ajv.validateSchema(schema)) return undefined
  try {
    // Ajv resolves a reference to the schema itself (`#`) only if the schema has an id.
    const validate = ajv.compile({ $id: 'https://schema.invalid/', ...schema })
    // Ajv's `$async` validators return promises, which would pass as valid and reject unhandled.
    return '$async' in validate ? undefined : toArgumentValidator(validate)
  } catch (error) {
    return error instanceof MissingRefError ? undefined : acceptAll
  }
}

/**
 * Compiles input schemas (JSON Schema 2020-12) into validators and caches them. Returns undefined for an invalid schema, and acceptAll
 * for one that cannot be compiled.
 */
export const createArgumentValidators = (
  limits = { compileMs: COMPILE_MS },
  now: () => number = () => performance.now(),
): ((schema: Record<string, unknown>) => ArgumentValidator | undefined) => {
  const cache = new Map<string, { validator: ArgumentValidator | undefined; expiresAt: number }>()
  let ajv = createAjv()
  const compileValidator = (
    schema: Record<string, unknown>,
    retryOnTimeout = true,
  ): { validator: ArgumentValidator | undefined; expiresAt: number } => {
    try {
      const validator = runWithTimeout(limits.compileMs, () => compileSchema(ajv, schema))
      return { validator, expiresAt: Number.POSITIVE_INFINITY }
    } catch (error) {
      ajv = createAjv()
      if (!(error instanceof SyncTimeoutError)) {
        return { validator: undefined, expiresAt: Number.POSITIVE_INFINITY }
      }
      if (retryOnTimeout) return compileValidator(schema, false)
      return { validator: undefined, expiresAt: now() + RECOMPILE_MS }
    }
  }
  return (schema) => {
    const key = JSON.stringify(schema)
    const cached = cache.get(key)
    if (cached && now() < cached.expiresAt) return cached.validator
    // Ajv itself keeps every schema it has compiled, so the compiler goes with the cache.
    if (cache.size >= MAX_CACHED) {
      cache.clear()
      ajv = createAjv()
    }
    const compiled = compileValidator(schema)
    cache.set(key, compiled)
    return compiled.validator
  }
}
