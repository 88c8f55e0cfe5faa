import { isJsonObject, type JsonObject } from '../../json-object.js'

/** A tool's input schema as a provider takes it. Arguments are checked against the schema as it is. */
export type ToolSchema = JsonObject

const alternatives = ['anyOf', 'oneOf', 'allOf'] as const

/** What a JSON pointer into the schema refers to, such as `#/$defs/task`; undefined when there is nothing. */
export const resolvePointer = (root: JsonObject, pointer: unknown): unknown => {
  if (typeof pointer !== 'string' || !/^#(\/|$)/.test(pointer)) return undefined
  let at: unknown = root
  for (const name of pointer.split('/').slice(1)) {
    const key = name.replaceAll('~1', '/').replaceAll('~0', '~')
    at = typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? Reflect.get(at, key) : undefined
  }
  return at
}

/** The schemas that the top of a schema combines, those within them included. */
const branchesOf = (root: JsonObject, schema: JsonObject, depth = 0): JsonObject[] => {
  if (depth > 4) return []
  return alternatives
    .flatMap((name) => (Array.isArray(schema[name]) ? schema[name] : []))
    .map((branch) => (isJsonObject(branch) && branch.$ref ? resolvePointer(root, branch.$ref) : branch))
    .filter(isJsonObject)
    .flatMap((branch) => [branch, ...branchesOf(root, branch, depth + 1)])
}

/** The properties of all of them; one that they describe in different ways may be any of these. */
const mergeProperties = (schemas: readonly JsonObject[]): JsonObject => {
  const found = new Map<string, Map<string, unknown>>()
  for (const { properties } of schemas) {
    for (const [name, property] of Object.entries(isJsonObject(properties) ? properties : {})) {
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

const namesIn = ({ required }: JsonObject): unknown[] => (Array.isArray(required) ? required : [])

/**
 * Leaves out what OpenAI and Anthropic refuse at the top of a schema, together with the whole request: alternatives. All their
 * properties are offered.
 */
export const withoutAlternatives = (schema: ToolSchema): ToolSchema => {
  const { anyOf, oneOf, allOf, enum: _enum, const: _const, not, ...rest } = schema
  if (!anyOf && !oneOf && !allOf) return rest
  const all = branchesOf(schema, { allOf })
  const properties = isJsonObject(rest.properties) ? rest.properties : {}
  const required = [...new Set([rest, ...all].flatMap(namesIn))]
  return {
    ...rest,
    // Its own first, and as they are.
    properties: { ...properties, ...mergeProperties(branchesOf(schema, schema)), ...properties },
    ...(required.length > 0 && { required }),
  }
}

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
