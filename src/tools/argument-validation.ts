import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
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

const createCompiler = () => {
  const draft07 = new Ajv(ajvOptions)
  const draft2020 = new Ajv2020(ajvOptions)
  return (schema: Record<string, unknown>) =>
    (/draft-07/.test(String(schema.$schema)) ? draft07 : draft2020).compile(schema)
}

/**
 * Compiles input schemas into validators and caches them. A schema is draft-07 when its `$schema` names that draft, and 2020-12
 * otherwise. Returns undefined for an invalid schema.
 */
export const createArgumentValidators = (
  limits = { compileMs: COMPILE_MS },
  now: () => number = () => performance.now(),
): ((schema: Record<string, unknown>) => ArgumentValidator | undefined) => {
  const cache = new Map<string, { validator: ArgumentValidator | undefined; expiresAt: number }>()
  let compile = createCompiler()
  const compileValidator = (
    schema: Record<string, unknown>,
    retryOnTimeout = true,
  ): { validator: ArgumentValidator | undefined; expiresAt: number } => {
    const expiresAt = Number.POSITIVE_INFINITY
    try {
      const validate = runWithTimeout(limits.compileMs, () => compile(schema))
      // Ajv's `$async` validators return promises, which would pass as valid and reject unhandled.
      return { validator: '$async' in validate ? undefined : toArgumentValidator(validate), expiresAt }
    } catch (error) {
      if (!(error instanceof SyncTimeoutError)) return { validator: undefined, expiresAt }
      compile = createCompiler()
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
      compile = createCompiler()
    }
    const compiled = compileValidator(schema)
    cache.set(key, compiled)
    return compiled.validator
  }
}
