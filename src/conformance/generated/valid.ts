import fc from 'fast-check'
import { type Schema, type Schemas, typesOf } from './schema.js'
import { validText } from './text.js'

/** Values for the properties and parameters of a name, where the schema does not say all: the ids of rows that exist, say. */
export type Hints = Record<string, fc.Arbitrary<unknown>>

export type JsonObject = Record<string, unknown>

const anyJson = fc.jsonValue({ maxDepth: 2 })
const mostEntries = 20

const integers = ({ minimum = -1_000_000, maximum = 1_000_000 }: Schema): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: minimum, max: maximum }) },
    { weight: 1, arbitrary: fc.constantFrom(minimum, maximum) },
  )

/** A name that is a trap where objects are used as maps. */
const trapNames = fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty')

/** Keys and values of an object that is a map, in the order in which they were drawn. */
export const entriesOf = (
  schemas: Schemas,
  schema: Schema,
  { min, max }: { min: number; max: number },
): fc.Arbitrary<[string, unknown][]> => {
  const names = schemas.resolve(schema.propertyNames ?? { type: 'string', maxLength: 20 })
  const key = fc.oneof(
    { weight: 5, arbitrary: validText(names) },
    { weight: 1, arbitrary: trapNames.filter((name) => schemas.isValid(names, name)) },
  )
  const { additionalProperties } = schema
  const value = typeof additionalProperties === 'object' ? validValue(schemas, additionalProperties) : anyJson
  return fc.uniqueArray(fc.tuple(key, value), {
    minLength: min,
    maxLength: max,
    selector: ([name]) => name,
    size: 'max',
  })
}

/** Also `__proto__` becomes a property like any other. */
export const objectOf = (entries: [string, unknown][]): JsonObject => Object.fromEntries(entries)

const objects = (schemas: Schemas, schema: Schema, hints: Hints): fc.Arbitrary<JsonObject> => {
  const { properties, required = [], minProperties = 0, maxProperties = Number.POSITIVE_INFINITY } = schema
  if (!properties) {
    const max = Math.min(maxProperties, mostEntries)
    return fc
      .oneof(
        { weight: 4, arbitrary: entriesOf(schemas, schema, { min: minProperties, max: Math.min(max, 4) }) },
        { weight: 1, arbitrary: entriesOf(schemas, schema, { min: max, max }) },
      )
      .map(objectOf)
  }
  const values = Object.entries(properties).map(([name, property]) => [
    name,
    hints[name] ?? validValue(schemas, property, hints),
  ])
  return fc
    .record(Object.fromEntries(values) as Record<string, fc.Arbitrary<unknown>>, {
      requiredKeys: required,
      noNullPrototype: true,
    })
    .filter((value) => Object.keys(value).length >= minProperties) as fc.Arbitrary<JsonObject>
}

const lists = (schemas: Schemas, { items, minItems = 0, maxItems = mostEntries }: Schema, hints: Hints) => {
  const item = items ? validValue(schemas, items, hints) : anyJson
  const most = Math.min(maxItems, mostEntries)
  return fc.array(item, { minLength: minItems, maxLength: Math.max(minItems, most) })
}

/** A value that the schema allows. */
export const validValue = (
  schemas: Schemas,
  unresolved: Schema,
  hints: Hints = {},
): fc.Arbitrary<unknown> => {
  const schema = schemas.resolve(unresolved)
  const { anyOf, oneOf, ...own } = schema
  const choices = anyOf ?? oneOf
  if (choices) {
    const whole = fc.oneof(...choices.map((choice) => validValue(schemas, { allOf: [own, choice] }, hints)))
    return oneOf ? whole.filter((value) => schemas.isValid(schema, value)) : whole
  }
  if ('const' in schema) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  const byType: Record<string, () => fc.Arbitrary<unknown>> = {
    string: () => validText(schema),
    integer: () => integers(schema),
    number: () =>
      fc.double({ min: schema.minimum, max: schema.maximum, noNaN: true, noDefaultInfinity: true }),
    boolean: () => fc.boolean(),
    null: () => fc.constant(null),
    array: () => lists(schemas, schema, hints),
    object: () => objects(schemas, schema, hints),
  }
  const types = typesOf(schema).map((type) => byType[type]?.() ?? fc.constant(null))
  return types.length > 0 ? fc.oneof(...types) : anyJson
}
