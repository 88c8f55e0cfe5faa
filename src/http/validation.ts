import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { FastifySchemaCompiler } from 'fastify'
import { Problem } from '../problems.js'

interface ObjectSchema {
  properties?: Record<string, { type?: string; default?: unknown }>
}

const partNames: Record<string, string> = {
  body: '/body',
  querystring: '/query',
  params: '/path',
  headers: '/headers',
}

/** JSON Schema 2020-12 as in OpenAPI 3.1, without coercion, removal or defaults. */
export const createAjv = (): Ajv2020 => {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true, verbose: true })
  addFormats.default(ajv, ['date', 'date-time', 'uri-reference'])
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

const validationProblem = (part: string, errors: ErrorObject[]): Problem => {
  const fields = errors
    // Redundant: another error describes the invalid property name in full.
    .filter(({ keyword }) => keyword !== 'propertyNames')
    .slice(0, 100)
    .map((error) => ({
      path: `${part}${pathOf(error)}`.slice(0, 500).toWellFormed(),
      message: messageOf(error).slice(0, 500),
    }))
  const isNew = ({ path, message }: (typeof fields)[number], at: number) =>
    fields.findIndex((other) => other.path === path && other.message === message) === at
  return new Problem('validation-failed', { errors: fields.filter(isNew) })
}

/** Parses a query value as its schema's type, in canonical form only. Anything else stays text and fails validation. */
const parseValue = (text: unknown, type: string | undefined): unknown => {
  if (typeof text !== 'string') return text
  if (type === 'integer' && /^(?:0|-?[1-9]\d{0,14})$/.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

const parseQuery = (query: Record<string, unknown>, { properties = {} }: ObjectSchema) => {
  const defaults = Object.entries(properties).filter(([, schema]) => schema.default !== undefined)
  const given = Object.entries(query).map(([name, value]) => [
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

/** Compiles the contract's schemas for fastify. Query strings are parsed strictly first. */
export const createValidatorCompiler = (): FastifySchemaCompiler<ObjectSchema> => {
  const ajv = createAjv()
  return ({ schema, httpPart = '' }) => {
    const validate = ajv.compile(schemaOf(httpPart, schema))
    const part = partNames[httpPart] ?? `/${httpPart}`
    return (data: unknown) => {
      const value = httpPart === 'querystring' ? parseQuery(data as Record<string, unknown>, schema) : data
      return validate(value) ? { value } : { error: validationProblem(part, validate.errors ?? []) }
    }
  }
}
