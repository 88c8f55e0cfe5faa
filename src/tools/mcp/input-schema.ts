import { isJsonObject } from '../../json-object.js'

type Schema = Record<string, unknown>

/** A tool's input schema as JSON Schema 2020-12. Fields are paths such as `inputSchema.type`. */
export interface ReadSchema {
  schema: Schema
  /** the fields that were missing or wrong */
  mended: string[]
  /** the field because of which arguments cannot be checked against it */
  unchecked?: string
}

export interface UnreadableSchema {
  /** the field whose meaning is unclear */
  fault: string
}

/** The drafts whose schemas mean the same in 2020-12 once they are mended. */
const KNOWN_DIALECT =
  /^https?:\/\/json-schema\.org\/(?:draft\/20(?:20-12|19-09)\/schema|draft-0[67]\/schema)#?$/

/** The keywords with a schema, with a list of schemas, and with schemas by name. */
const SCHEMAS = new Set(
  'additionalProperties additionalItems items contains not if then else propertyNames unevaluatedItems unevaluatedProperties contentSchema'.split(
    ' ',
  ),
)
const LISTS = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems'])
const MAPS = new Set([
  'properties',
  'patternProperties',
  'definitions',
  '$defs',
  'dependentSchemas',
  'dependencies',
])
/** The keywords whose value is data, in which null is a value. */
const DATA = new Set(['const', 'default', 'enum', 'example', 'examples'])

/** The annotations, which no check depends on, and their types. */
const ANNOTATIONS: Record<string, (value: unknown) => boolean> = {
  title: (value) => typeof value === 'string',
  description: (value) => typeof value === 'string',
  $comment: (value) => typeof value === 'string',
  // Up to draft 4, the schema's own address.
  id: () => false,
  examples: Array.isArray,
  deprecated: (value) => typeof value === 'boolean',
  readOnly: (value) => typeof value === 'boolean',
  writeOnly: (value) => typeof value === 'boolean',
  format: (value) => typeof value === 'string',
}

const isEmptyArray = (value: unknown): boolean => Array.isArray(value) && value.length === 0

/** What other languages call the types. */
const TYPES: Record<string, string> = {
  int: 'integer',
  long: 'integer',
  float: 'number',
  double: 'number',
  decimal: 'number',
  str: 'string',
  text: 'string',
  bool: 'boolean',
  list: 'array',
  tuple: 'array',
  dict: 'object',
  map: 'object',
  none: 'null',
  nil: 'null',
}

const mendType = (type: unknown): unknown => {
  if (typeof type !== 'string') return type
  const name = type.trim().toLowerCase()
  return Object.hasOwn(TYPES, name) ? TYPES[name] : name
}

/** Keywords with a number, and the lists that have to have an item, none twice. */
const BOUNDS =
  'minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength minItems maxItems'.split(
    ' ',
  )
const NON_EMPTY = ['type', 'allOf', 'anyOf', 'oneOf', 'prefixItems', 'enum']

/** Leaves out keywords that say nothing, and names that are said twice. Returns the keywords whose values were wrong. */
const mendValues = (schema: Schema): string[] => {
  const given = { ...schema }
  if (Array.isArray(schema.type)) {
    const types = [...new Set(schema.type.map(mendType))]
    schema.type = types.includes('any') ? [] : types
  } else schema.type = mendType(schema.type)
  if (schema.type === undefined || schema.type === '' || schema.type === 'any') delete schema.type
  for (const name of BOUNDS) {
    const value = schema[name]
    if (typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value)))
      schema[name] = Number(value)
  }
  for (const name of NON_EMPTY) if (isEmptyArray(schema[name])) delete schema[name]
  if (Array.isArray(schema.required)) {
    schema.required = [...new Set(schema.required.filter((name) => name !== null))]
  }
  if (isJsonObject(schema.required) && Object.keys(schema.required).length === 0) delete schema.required
  const isWrong = (name: string) => JSON.stringify(schema[name]) !== JSON.stringify(given[name])
  return ['type', 'required', ...BOUNDS, ...NON_EMPTY.slice(1)].filter(isWrong)
}

/** OpenAPI 3.0's `nullable`, which JSON Schema does not know. */
const mendNullable = ({ nullable, ...rest }: Schema): Schema => {
  if (nullable !== true || Object.keys(rest).length === 0) return rest
  if (typeof rest.type === 'string' && !('enum' in rest) && !('const' in rest))
    return { ...rest, type: [rest.type, 'null'] }
  const isTyped = [...DATA, ...LISTS, 'type', '$ref', 'not'].some((name) => name in rest)
  return isTyped ? { anyOf: [rest, { type: 'null' }] } : rest
}

/** Drafts 3 and 4, in which the exclusive bounds are flags. */
const mendBound = (schema: Schema, exclusive: string, bound: string): void => {
  const flag = schema[exclusive]
  if (typeof flag !== 'boolean') return
  delete schema[exclusive]
  if (!flag || typeof schema[bound] !== 'number') return
  schema[exclusive] = schema[bound]
  delete schema[bound]
}

/** Draft 3, in which each property says whether it is required. */
const liftRequired = (schema: Schema, original: Schema): void => {
  if (!isJsonObject(original.properties)) return
  const names = Object.entries(original.properties)
    .filter(([, property]) => isJsonObject(property) && property.required === true)
    .map(([name]) => name)
  if (names.length === 0) return
  const required = Array.isArray(schema.required) ? schema.required : []
  schema.required = [...new Set([...required, ...names])]
}

/** Mends the value of a keyword at a path. `mended` gets the paths of what was wrong. */
const mendKeyword = (name: string, value: unknown, path: string, mended: string[]): unknown => {
  const mendList = (schemas: unknown[]) =>
    schemas.map((schema, i) => mendSchema(schema, `${path}.${i}`, mended))
  if (MAPS.has(name)) {
    // PHP writes an empty map as an empty list.
    if (isEmptyArray(value)) return {}
    if (!isJsonObject(value)) return value
    const entries = Object.entries(value).map(([key, schema]) => [
      key,
      // `dependencies` may hold lists of names too.
      Array.isArray(schema) && schema.length > 0
        ? schema
        : mendSchema(schema ?? {}, `${path}.${key}`, mended),
    ])
    return Object.fromEntries(entries)
  }
  // Up to draft 2019-09 a tuple's schemas are in `items`.
  const isList = LISTS.has(name) || name === 'items'
  if (isList && Array.isArray(value)) return mendList(value)
  return SCHEMAS.has(name) ? mendSchema(value, path, mended) : value
}

const mendTuple = (schema: Schema): void => {
  const { items, additionalItems, type } = schema
  delete schema.additionalItems
  if (Array.isArray(items)) {
    delete schema.items
    if (items.length > 0) schema.prefixItems = items
    if (additionalItems !== undefined) schema.items = additionalItems
  }
  // OpenAI and Google refuse a whole request for an array that says nothing of its items.
  if (schema.items === undefined && [type].flat().includes('array')) schema.items = {}
}

/**
 * Brings a schema into the form of JSON Schema 2020-12, which every provider accepts: null is absent, and what OpenAPI 3.0 and older
 * drafts say in another way is said in this one. What it does not know it leaves as it is. `mended` gets the paths of what was wrong.
 */
const mendSchema = (value: unknown, path: string, mended: string[]): unknown => {
  if (isEmptyArray(value)) return {}
  if (!isJsonObject(value)) return value
  const schema: Schema = {}
  for (const [name, member] of Object.entries(value)) {
    if (member === null && name !== 'default' && name !== 'const') continue
    const isIgnored = Object.hasOwn(ANNOTATIONS, name) && !ANNOTATIONS[name]?.(member)
    if (!isIgnored) schema[name] = mendKeyword(name, member, `${path}.${name}`, mended)
    else if (name !== 'id') mended.push(`${path}.${name}`)
  }
  mended.push(...mendValues(schema).map((name) => `${path}.${name}`))
  if (typeof schema.required === 'boolean') delete schema.required
  mendTuple(schema)
  mendBound(schema, 'exclusiveMinimum', 'minimum')
  mendBound(schema, 'exclusiveMaximum', 'maximum')
  liftRequired(schema, value)
  return mendNullable(schema)
}

const isAnObject = (type: unknown): boolean =>
  type === 'object' || (Array.isArray(type) && type.includes('object'))

const isStrings = (value: unknown): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')

/** Reads the schema of a tool's arguments, which are an object. */
export const readInputSchema = (original: unknown): ReadSchema | UnreadableSchema => {
  if (original === null || original === undefined || isEmptyArray(original)) {
    return { schema: { type: 'object', properties: {} }, mended: ['inputSchema'] }
  }
  // Anything goes.
  if (original === true) return { schema: { type: 'object', properties: {} }, mended: ['inputSchema'] }
  if (!isJsonObject(original)) return { fault: 'inputSchema' }
  const { $schema, nullable: _, ...rest } = original
  const mended: string[] = []
  const { type, ...schema } = mendSchema(rest, 'inputSchema', mended) as Schema
  if (type !== undefined && !isAnObject(type)) return { fault: 'inputSchema.type' }
  // OpenAI refuses a whole request for an object that says nothing of its properties.
  schema.properties ??= {}
  if (!isJsonObject(schema.properties)) return { fault: 'inputSchema.properties' }
  if (schema.required !== undefined && !isStrings(schema.required)) return { fault: 'inputSchema.required' }
  const isKnown = typeof $schema === 'string' && $schema !== '' ? KNOWN_DIALECT.test($schema) : !$schema
  return {
    schema: { type: 'object', ...schema },
    mended: [...(original.type === 'object' ? [] : ['inputSchema.type']), ...mended],
    ...(!isKnown && { unchecked: 'inputSchema.$schema' }),
  }
}
