import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { FastifySchemaCompiler } from 'fastify'
import type { components } from '../../generated/closed/contract.js'
import { Problem } from '../problems.js'
import { hasVisibleText } from '../visible-text.js'

type FieldErrorCode = components['schemas']['FieldErrorCode']

type Properties = Record<string, { type?: string; default?: unknown }>

interface ObjectSchema {
  properties?: Properties
}

const partNames: Record<string, string> = {
  body: '/body',
  querystring: '/query',
  params: '/path',
  headers: '/headers',
}

/** JSON Schema 2020-12 as in OpenAPI 3.1, without coercion, removal or defaults. */
export const createAjv = (): Ajv2020 => {
  // `redocly lint` has checked the contract: to compile JSON Schema's own schema for it takes longer than all else here.
  const validateSchema = false
  const ajv = new Ajv2020({
    strict: true,
    allowUnionTypes: true,
    allErrors: true,
    verbose: true,
    validateSchema,
  })
  addFormats.default(ajv, ['date', 'date-time', 'uri-reference'])
  // One of ours: what it asks for cannot be a pattern that every language's engine reads.
  ajv.addFormat('visible-text', hasVisibleText)
  // `minimum` and `maximum` bound the integers.
  ajv.addFormat('int32', true)
  return ajv
}

const pointerToken = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')

/** The location of the error as a JSON Pointer, which includes a missing or unknown property. */
const pathOf = ({ instancePath, params, propertyName }: ErrorObject): string => {
  const name = params.missingProperty ?? params.additionalProperty ?? propertyName
  return typeof name === 'string' ? `${instancePath}/${pointerToken(name)}` : instancePath
}

/** Describes a string with a pattern by its schema's description, which reads better than the pattern. */
const describeFormat = (schema: ErrorObject['parentSchema']): string | undefined => {
  const sentence = schema?.pattern && String(schema.description ?? '').split(/\.\s|\.$/, 1)[0]
  return sentence ? `must be ${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}` : undefined
}

const messageOf = ({ keyword, message, params, parentSchema }: ErrorObject): string => {
  if (/^(pattern|minLength|maxLength|format)$/.test(keyword))
    return describeFormat(parentSchema) ?? message ?? ''
  if (keyword === 'minProperties' && parentSchema?.properties) {
    return `must have at least one of ${Object.keys(parentSchema.properties).join(', ')}`
  }
  if (keyword === 'required') return 'is required'
  if (keyword === 'additionalProperties') return 'is not known here'
  if (keyword === 'enum') return `must be one of ${(params.allowedValues as unknown[]).join(', ')}`
  return message ?? 'is not valid'
}

/** The code of each keyword of JSON Schema; of any other, `value`. */
const codes: Record<string, FieldErrorCode> = {
  required: 'required',
  additionalProperties: 'unknown',
  type: 'type',
  pattern: 'format',
  format: 'format',
  minLength: 'too-short',
  maxLength: 'too-long',
  minimum: 'too-small',
  maximum: 'too-large',
  minItems: 'too-few',
  minProperties: 'too-few',
  maxItems: 'too-many',
  maxProperties: 'too-many',
}

/**
 * Whether another error says it better: `propertyNames` comes with the error of the name, and a value that may also be null
 * with the error of what else it may be.
 */
const isRedundant = ({ keyword, params }: ErrorObject): boolean =>
  keyword === 'propertyNames' || keyword === 'anyOf' || (keyword === 'type' && params.type === 'null')

const validationProblem = (part: string, errors: ErrorObject[]): Problem => {
  const fields = errors
    .filter((error) => !isRedundant(error))
    .slice(0, 100)
    .map((error) => ({
      path: `${part}${pathOf(error)}`.slice(0, 500).toWellFormed(),
      code: codes[error.keyword] ?? ('value' as const),
      message: messageOf(error).slice(0, 500),
    }))
  const isNew = ({ path, message }: (typeof fields)[number], at: number) =>
    fields.findIndex((other) => other.path === path && other.message === message) === at
  return new Problem('validation-failed', { errors: fields.filter(isNew) })
}

/**
 * Gathers `name[key]=value` as the object `name` (OpenAPI's style deepObject), where the schema has an object. A plain `name=value`
 * beside it is no such pair: it stays, and fails validation.
 */
const gatherObjects = (query: Record<string, unknown>, properties: Properties): Record<string, unknown> => {
  const plain: [string, unknown][] = []
  const objects = new Map<string, [string, unknown][]>()
  for (const [name, value] of Object.entries(query)) {
    const [, object = '', key = ''] = /^(\w+)\[([^[\]]*)\]$/.exec(name) ?? []
    if (Object.hasOwn(properties, object) && properties[object]?.type === 'object')
      objects.set(object, [...(objects.get(object) ?? []), [key, value]])
    else plain.push([name, value])
  }
  const gathered = [...objects].map(([name, pairs]) => [name, Object.fromEntries(pairs)])
  return Object.fromEntries([...gathered, ...plain])
}

/** Parses a query value as its schema's type, in canonical form only. Anything else stays text and fails validation. */
const parseValue = (text: unknown, type: string | undefined): unknown => {
  if (typeof text !== 'string') return text
  if (type === 'integer' && /^(?:0|-?[1-9]\d{0,14})$/.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  if (type === 'array') return text.split(',')
  return text
}

const parseQuery = (query: Record<string, unknown>, { properties = {} }: ObjectSchema) => {
  const defaults = Object.entries(properties).filter(([, schema]) => schema.default !== undefined)
  const given = Object.entries(gatherObjects(query, properties)).map(([name, value]) => [
    name,
    parseValue(value, Object.hasOwn(properties, name) ? properties[name]?.type : undefined),
  ])
  return Object.fromEntries([...defaults.map(([name, schema]) => [name, schema.default]), ...given])
}

const lowerKeys = <T>(record: Record<string, T> = {}): Record<string, T> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name.toLowerCase(), value]))

/** Adapts a part's schema to fastify: no additional query parameters, header names in lower case. */
const schemaOf = (part: string, schema: ObjectSchema): ObjectSchema & { additionalProperties?: boolean } => {
  if (part === 'querystring') return { ...schema, additionalProperties: false }
  if (part === 'headers') return { ...schema, properties: lowerKeys(schema.properties) }
  return schema
}

const ajv = createAjv()
/** By their JSON. To compile the contract's schemas takes longer than all else when a server starts. */
const compiled = new Map<string, ValidateFunction>()

/** A process may have several servers, which have the same contract. */
const compileOnce = (schema: object): ValidateFunction => {
  const json = JSON.stringify(schema)
  const validate = compiled.get(json) ?? ajv.compile(schema)
  compiled.set(json, validate)
  return validate
}

/** Compiles the contract's schemas for fastify. Query strings are parsed strictly first. */
export const createValidatorCompiler =
  (): FastifySchemaCompiler<ObjectSchema> =>
  ({ schema, httpPart = '' }) => {
    const validate = compileOnce(schemaOf(httpPart, schema))
    const part = partNames[httpPart] ?? `/${httpPart}`
    return (data: unknown) => {
      const value = httpPart === 'querystring' ? parseQuery(data as Record<string, unknown>, schema) : data
      return validate(value) ? { value } : { error: validationProblem(part, validate.errors ?? []) }
    }
  }
