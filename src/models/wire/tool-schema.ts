import { isJsonObject, type JsonObject } from '../../json-object.js'

/** A tool's input schema as a provider takes it. Arguments are checked against the schema as it is. */
export type ToolSchema = JsonObject

/** Keeps what becomes of a schema, which is needed again for each step of a turn. */
export const memoized = (convert: (schema: ToolSchema) => ToolSchema): typeof convert => {
  const results = new WeakMap<ToolSchema, ToolSchema>()
  return (schema) => {
    const result = results.get(schema) ?? convert(schema)
    results.set(schema, result)
    return result
  }
}

/** A part of a JSON pointer may be percent-encoded, since the pointer is a fragment of a URI (RFC 6901, section 6). */
const decodePart = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** What a JSON pointer into the schema refers to, such as `#/$defs/task`; undefined when there is nothing. */
export const resolvePointer = (root: JsonObject, pointer: unknown): unknown => {
  if (typeof pointer !== 'string' || !/^#(\/|$)/.test(pointer)) return undefined
  let at: unknown = root
  for (const part of pointer.split('/').slice(1)) {
    const key = decodePart(part).replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined
    at = Reflect.get(at, key)
  }
  return at
}

/**
 * A schema and those that it combines by these keywords or refers to, and so on, each once: a few hundred bytes may refer to each
 * other in millions of ways.
 */
export const branchesOf = (
  root: JsonObject,
  schema: JsonObject,
  keywords: readonly string[],
): JsonObject[] => {
  const found = new Set([schema])
  // Also visits those that are added on the way.
  for (const branch of found) {
    const lists = keywords.map((name) => branch[name]).filter(Array.isArray)
    for (const member of [resolvePointer(root, branch.$ref), ...lists.flat()]) {
      if (isJsonObject(member)) found.add(member)
    }
  }
  return [...found]
}

/** The properties of all of them; one that they describe in different ways may be any of these. */
export const mergeProperties = (schemas: readonly JsonObject[]): JsonObject => {
  const all = schemas.map(({ properties }) => properties).filter(isJsonObject)
  if (all.length === 1) return { ...all[0] }
  const found = new Map<string, Map<string, unknown>>()
  for (const properties of all) {
    for (const [name, property] of Object.entries(properties)) {
      const ways = found.get(name) ?? new Map<string, unknown>()
      found.set(name, ways.set(JSON.stringify(property), property))
    }
  }
  const merged = [...found].map(([name, ways]): [string, unknown] => {
    const [first, ...others] = ways.values()
    return [name, others.length > 0 ? { anyOf: [first, ...others] } : first]
  })
  return Object.fromEntries(merged)
}

/** The names that any of them requires. */
export const mergeRequired = (schemas: readonly JsonObject[]): unknown[] => [
  ...new Set(schemas.flatMap(({ required }) => (Array.isArray(required) ? required : []))),
]

/**
 * Leaves out what OpenAI and Anthropic refuse at the top of a schema, together with the whole request: alternatives, and a schema
 * without properties. All their properties are offered, and those of the schema that it may refer to.
 */
export const withoutAlternatives = memoized((schema) => {
  const { $ref, anyOf, oneOf, allOf, enum: _enum, const: _const, not, ...rest } = schema
  const own = isJsonObject(rest.properties) ? rest.properties : {}
  const required = mergeRequired(branchesOf(schema, schema, ['allOf']))
  return {
    ...rest,
    // Its own first, and as they are.
    properties: {
      ...own,
      ...mergeProperties(branchesOf(schema, schema, ['anyOf', 'oneOf', 'allOf'])),
      ...own,
    },
    ...(required.length > 0 && { required }),
  }
})

/** A name of a property as Anthropic takes it (https://docs.claude.com/en/api/messages, `tools[].input_schema`). */
const plainName = /^[a-zA-Z0-9_.-]{1,64}$/

/** Leaves out the properties at the top whose names Anthropic refuses, together with the whole request. */
export const withPlainNames = (schema: ToolSchema): ToolSchema => {
  const { properties, required, ...rest } = schema
  if (!isJsonObject(properties) || Object.keys(properties).every((name) => plainName.test(name)))
    return schema
  return {
    ...rest,
    properties: Object.fromEntries(Object.entries(properties).filter(([name]) => plainName.test(name))),
    ...(Array.isArray(required) && {
      required: required.filter((name) => typeof name === 'string' && plainName.test(name)),
    }),
  }
}
