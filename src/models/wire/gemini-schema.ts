import { isJsonObject, type JsonObject } from '../../json-object.js'
import {
  branchesOf,
  memoized,
  mergeProperties,
  mergeRequired,
  resolvePointer,
  type ToolSchema,
} from './tool-schema.js'

/** The formats that Google knows; it refuses the whole request for another one. */
const formats = new Set(['enum', 'date-time', 'float', 'double', 'int32', 'int64'])
/** The keywords with schemas by name, and with a list of schemas. */
const maps = ['properties', '$defs', 'definitions']
const lists = ['anyOf', 'prefixItems']

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

/** The references that Google's package follows, each time anew. */
const packageReference = /^#\/(\$defs|definitions)\/[\w.-]+$/

/** How many characters a schema may become. The rest is left open, since schemas that refer to each other can have any length. */
const lengthOf = (root: ToolSchema): number => 4 * JSON.stringify(root).length + 16_384

/** How deep schemas may be within each other, which those without references never are. */
const maxDepth = 100

/** About the characters of a schema without those of the schemas in it. */
const ownLength = (schema: JsonObject): number => {
  const own = Object.entries(schema).filter(
    ([name]) => name !== 'items' && !maps.includes(name) && !lists.includes(name),
  )
  const names = maps.flatMap((name) => Object.keys(schema[name] ?? {}))
  return JSON.stringify([Object.fromEntries(own), names]).length
}

/** Whether Google's package makes few enough characters of a schema. One with a circle it sends as it is. */
const fits = (root: JsonObject, length: number): boolean => {
  let left = length
  let hasCircle = false
  const visit = (schema: unknown, path: readonly unknown[]): void => {
    if (!isJsonObject(schema) || left < 0) return
    const { $ref, properties, items, anyOf } = schema
    left -= path.length > maxDepth ? Number.POSITIVE_INFINITY : ownLength(schema)
    // In the order of the package, which stops at the first circle.
    const members = $ref
      ? [resolvePointer(root, $ref)]
      : [...Object.values(properties ?? {}), items, ...(Array.isArray(anyOf) ? anyOf : [])]
    hasCircle ||= $ref !== undefined && path.includes(members[0])
    for (const member of members) if (!hasCircle) visit(member, $ref ? [...path, member] : path)
  }
  visit(root, [])
  return hasCircle || left >= 0
}

/** One schema for all of those that a schema combines and refers to. Google has no `allOf`. */
const mergeAll = (schemas: readonly JsonObject[]): JsonObject => {
  const { $ref, allOf, ...merged }: JsonObject = Object.assign({}, ...schemas.toReversed())
  const required = mergeRequired(schemas)
  return {
    ...merged,
    ...(merged.properties !== undefined && { properties: mergeProperties(schemas) }),
    ...(required.length > 0 && { required }),
  }
}

/** `allOf` with one schema is how older drafts put a description beside a reference. */
const withoutSingle = (schema: JsonObject): JsonObject => {
  const { allOf, ...rest } = schema
  const [only, ...others] = Array.isArray(allOf) ? allOf : []
  const isPlain = others.length === 0 && ['$ref', 'properties', 'required'].every((name) => !(name in rest))
  return isPlain && isJsonObject(only) ? { ...only, ...rest } : schema
}

/** With references to definitions left to the package, or with all of them replaced. */
const convert = (root: ToolSchema, keepsReferences: boolean): ToolSchema => {
  let left = lengthOf(root)
  /** the schemas within which the present one is */
  const open = new Set<JsonObject>()
  const read = (value: unknown, depth: number): JsonObject => {
    if (!isJsonObject(value) || left < 0 || depth > maxDepth || open.has(value)) return {}
    const { additionalProperties: _, ...given } = withoutSingle(value)
    const isKept =
      keepsReferences &&
      given.allOf === undefined &&
      packageReference.test(String(given.$ref)) &&
      isJsonObject(resolvePointer(root, given.$ref))
    const branches = isKept ? [given] : branchesOf(root, given, ['allOf'])
    // A schema that is within itself is left open.
    const parts = branches.filter((part) => !open.has(part))
    const { oneOf, ...schema } = readValues(isKept ? given : mergeAll(parts))
    if (Array.isArray(oneOf)) schema.anyOf = [schema.anyOf ?? [], oneOf].flat()
    if (depth > 0 || !keepsReferences) {
      delete schema.$defs
      delete schema.definitions
    }
    left -= ownLength(schema) + branches.length
    const opened = [value, ...parts]
    for (const part of opened) open.add(part)
    for (const name of maps) {
      const members = schema[name]
      if (!isJsonObject(members)) continue
      const entries = Object.entries(members).map(([key, member]) => [key, read(member, depth + 1)])
      schema[name] = Object.fromEntries(entries)
    }
    for (const name of lists) {
      const members = schema[name]
      if (Array.isArray(members)) schema[name] = members.map((member) => read(member, depth + 1))
    }
    if (schema.items !== undefined) schema.items = read(schema.items, depth + 1)
    for (const part of opened) open.delete(part)
    if (!formats.has(String(schema.format))) delete schema.format
    const { properties } = schema
    if (Array.isArray(schema.required)) {
      schema.required = schema.required.filter(
        (name) => isJsonObject(properties) && Object.hasOwn(properties, name),
      )
    }
    return schema
  }
  return read(root, 0)
}

/** A schema as Google's package can convert it, and as Google takes it. */
export const toGeminiSchema = memoized((root) => {
  const schema = convert(root, true)
  return fits(schema, lengthOf(root)) ? schema : convert(root, false)
})
