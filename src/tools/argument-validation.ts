import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { TookTooLong, within } from './sync-timeout.js'

/** What is wrong with the arguments of a call, in words; nothing when they are right. */
export type JudgeArguments = (args: Record<string, unknown>) => string[]

const MAX_FAULTS = 5
/** Users of a server have the same schemas, so each is compiled once for all of them. */
const MAX_KEPT = 1_000
/** Far more than an honest schema takes, to be compiled and to check arguments. */
const COMPILE_MS = 1_000
const JUDGE_MS = 250

// No formats are known, so they are notes: how strictly a tool server means them is its own affair.
const options = {
  strict: false,
  allErrors: true,
  logger: false,
  addUsedSchema: false,
} as const

const faultOf = ({ instancePath, message, params }: ErrorObject): string => {
  const detail = params.additionalProperty ?? params.unevaluatedProperty ?? params.allowedValues?.join(', ')
  return `${instancePath || '/'} ${message}${detail === undefined ? '' : ` (${detail})`}`
}

const judge =
  (validate: ValidateFunction): JudgeArguments =>
  (args) => {
    try {
      return within(JUDGE_MS, () => validate(args))
        ? []
        : (validate.errors ?? []).slice(0, MAX_FAULTS).map(faultOf)
    } catch (error) {
      if (error instanceof TookTooLong) return ['checking them takes too long']
      throw error
    }
  }

const compilers = () => {
  const draft07 = new Ajv(options)
  const draft2020 = new Ajv2020(options)
  return (schema: Record<string, unknown>) =>
    (/draft-07/.test(String(schema.$schema)) ? draft07 : draft2020).compile(schema)
}

/** Compiles schemas of arguments: draft-07 where `$schema` says so, else 2020-12. Gives undefined for one that is no schema. */
export const argumentJudges = (): ((schema: Record<string, unknown>) => JudgeArguments | undefined) => {
  const kept = new Map<string, JudgeArguments | undefined>()
  let compile = compilers()
  const make = (schema: Record<string, unknown>, mayRepeat = true): JudgeArguments | undefined => {
    try {
      const validate = within(COMPILE_MS, () => compile(schema))
      // An asynchronous one (`$async`, which is Ajv's own) would find no fault, and reject with nobody to hear it.
      return '$async' in validate ? undefined : judge(validate)
    } catch (error) {
      if (!(error instanceof TookTooLong)) return undefined
      compile = compilers()
      // A machine that was busy for a moment must not take a tool away for good.
      return mayRepeat ? make(schema, false) : undefined
    }
  }
  return (schema) => {
    const text = JSON.stringify(schema)
    if (kept.has(text)) return kept.get(text)
    // A compiler keeps every schema that it has seen.
    if (kept.size >= MAX_KEPT) {
      kept.clear()
      compile = compilers()
    }
    const made = make(schema)
    kept.set(text, made)
    return made
  }
}
