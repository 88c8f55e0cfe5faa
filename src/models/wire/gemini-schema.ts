import { isJsonObject, type JsonObject } from '../../json-object.js'
import { resolvePointer, type ToolSchema } from './tool-schema.js'

/** The formats that Google knows; it refuses the whole request for another one. */
const formats = new Set(['enum', 'date-time', 'float', 'double', 'int32', 'int64'])
const maps = ['properties', '$defs', 'definitions']
const lists = ['anyOf', 'oneOf', 'allOf', 'prefixItems']

const typesOf = (type: unknown): unknown[] => [type].flat().filter((name) => name !== 'null')

/** The type of values that are all of one, which an `enum` of Google's has to be; undefined for others. */
const typeOf = (values: readonly unknown[], types: readonly unknown[]): string | undefined => {
  const isOneOf = (...names: string[]) =>
    types.includes(undefined) || names.some((name) => types.includes(name))
  if (isOneOf('string') && values.every((value) => typeof value === 'string' && value !== '')) return 'string'
  if (isOneOf('boolean') && values.every((value) => typeof value === 'boolean')) return 'boolean'
  if (isOneOf('integer') && values.every(Number.isInteger)) return 'integer'
  return isOneOf('number') && values.every(Number.isFinite) ? 'number' : undefined
}

/** Values that Google's `enum` can say, or else a description of them. */
const readValues = ({ enum: values, const: value, ...schema }: JsonObject): JsonObject => {
  const all = Array.isArray(values) ? values : value === undefined ? [] : [value]
  if (all.length === 0) return schema
  const given = all.filter((value) => value !== null)
  if (given.length === 0) return { ...schema, type: 'null' }
  const isNullable = given.length < all.length || [schema.type].flat().includes('null')
  const type = typeOf(given, typesOf(schema.type))
  if (type) return { ...schema, type: isNullable ? [type, 'null'] : type, enum: given }
  const about = `One of: ${all.map((value) => JSON.stringify(value)).join(', ')}`
  const { description } = schema
  return { ...schema, description: typeof description === 'string' ? `${description} ${about}` : about }
}

/** A schema as Google's package can convert it, and as Google takes it. */
export const toGeminiSchema = (root: ToolSchema): ToolSchema => {
  const read = (value: unknown, refs: readonly string[]): JsonObject => {
    if (!isJsonObject(value)) return {}
    const { $ref: ref, additionalProperties: _, ...given } = value
    const reference = typeof ref === 'string' ? ref : undefined
    if (reference !== undefined && !/^#\/(\$defs|definitions)\/[^/]+$/.test(reference)) {
      // The package follows no other reference, and none in a circle.
      const target = refs.includes(reference) ? {} : resolvePointer(root, reference)
      return read({ ...(isJsonObject(target) ? target : {}), ...given }, [...refs, reference])
    }
    const isKnown = isJsonObject(resolvePointer(root, reference))
    const schema = readValues(given)
    for (const name of maps) {
      const members = schema[name]
      if (!isJsonObject(members)) continue
      const entries = Object.entries(members).map(([key, member]) => [key, read(member, refs)])
      schema[name] = Object.fromEntries(entries)
    }
    for (const name of lists) {
      const members = schema[name]
      if (Array.isArray(members)) schema[name] = members.map((member) => read(member, refs))
    }
    if (schema.items !== undefined) schema.items = read(schema.items, refs)
    if (!formats.has(String(schema.format))) delete schema.format
    const { properties } = schema
    if (Array.isArray(schema.required)) {
      schema.required = schema.required.filter(
        (name) => isJsonObject(properties) && Object.hasOwn(properties, name),
      )
    }
    return { ...(isKnown && { $ref: reference }), ...schema }
  }
  return read(root, ['#'])
}
