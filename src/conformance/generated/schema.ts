import type { Contract, JsonSchema } from '../contract.js'

/** The part of JSON Schema 2020-12 that values are generated from. */
export interface Schema extends JsonSchema {
  type?: string | string[]
  const?: unknown
  enum?: unknown[]
  format?: string
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  items?: Schema
  minItems?: number
  maxItems?: number
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  propertyNames?: Schema
  minProperties?: number
  maxProperties?: number
  allOf?: Schema[]
  anyOf?: Schema[]
  oneOf?: Schema[]
}

/** They allow and forbid nothing. */
const annotations = new Set([
  ...['description', 'title', 'example', 'examples', 'default', 'deprecated', 'discriminator'],
])
const keywords = new Set([
  ...['$ref', 'type', 'const', 'enum', 'format', 'minimum', 'maximum', 'minLength', 'maxLength', 'pattern'],
  ...['items', 'minItems', 'maxItems', 'properties', 'required', 'additionalProperties', 'propertyNames'],
  ...['minProperties', 'maxProperties', 'allOf', 'anyOf', 'oneOf'],
])

const isKnown = (keyword: string): boolean =>
  keywords.has(keyword) || annotations.has(keyword) || keyword.startsWith('x-')

const bothProperties = (one: Schema, other: Schema): Record<string, Schema> => {
  const merged = { ...one.properties }
  for (const [name, schema] of Object.entries(other.properties ?? {}))
    merged[name] = merged[name] ? { allOf: [merged[name], schema] } : schema
  return merged
}

/** How two schemas that both hold say one keyword together. */
const combine: Record<string, (one: Schema, other: Schema) => unknown> = {
  properties: bothProperties,
  required: (one, other) => [...new Set([...(one.required ?? []), ...(other.required ?? [])])],
  enum: (one, other) => one.enum?.filter((value) => other.enum?.includes(value)),
}
for (const name of ['minimum', 'minLength', 'minItems', 'minProperties'])
  combine[name] = (one, other) => Math.max(Number(one[name]), Number(other[name]))
for (const name of ['maximum', 'maxLength', 'maxItems', 'maxProperties'])
  combine[name] = (one, other) => Math.min(Number(one[name]), Number(other[name]))

/** A schema that says what both say. */
const both = (one: Schema, other: Schema): Schema => {
  const merged: Schema = { ...one }
  for (const [name, value] of Object.entries(other)) {
    const isSame = JSON.stringify(merged[name]) === JSON.stringify(value)
    if (merged[name] === undefined || isSame || annotations.has(name)) merged[name] = value
    else if (combine[name]) merged[name] = combine[name](one, other)
    else throw new Error(`two schemas that both hold say "${name}" in different ways`)
  }
  return merged
}

export interface Schemas {
  /** The schema itself in place of a reference or of `allOf`. Throws for a keyword that no values can be generated for. */
  resolve(schema: Schema): Schema
  isValid(schema: Schema, value: unknown): boolean
}

export const schemasOf = (contract: Contract): Schemas => {
  const resolve = (schema: Schema): Schema => {
    const unknown = Object.keys(schema).find((keyword) => !isKnown(keyword))
    if (unknown) throw new Error(`no values can be generated for the keyword "${unknown}"`)
    const { $ref, allOf = [], ...own } = schema
    const parts: Schema[] = $ref ? [contract.resolve({ $ref }), ...allOf] : allOf
    return parts.map(resolve).reduce(both, own)
  }
  return { resolve, isValid: (schema, value) => contract.faults(schema, value).length === 0 }
}

export const typesOf = ({ type }: Schema): string[] => (type === undefined ? [] : [type].flat())
