import fc from 'fast-check'
import { type Schema, type Schemas, typesOf } from './schema.js'
import { brokenTexts } from './text.js'
import { entriesOf, type Hints, type JsonObject, objectOf, validValue } from './valid.js'

/** Values in which one rule is broken, in one place, and nothing else. Several may be of one rule: each is a way to break it. */
export interface Broken {
  /** the place, as a JSON Pointer from the whole value on */
  at: string
  /** the keyword of JSON Schema that forbids it */
  rule: string
  value: fc.Arbitrary<unknown>
}

const samples: Record<string, unknown[]> = {
  string: ['', 'text', '1', 'true', 'null'],
  integer: [0, 1, -1, 9_007_199_254_740_991],
  number: [0.5, -1e-7, 1e21, 1e308],
  boolean: [true, false],
  null: [null],
  array: [[], [[]], ['text'], [null]],
  object: [{}, { length: 1 }, objectOf([['__proto__', {}]])],
}

const isOf = (types: string[], name: string): boolean =>
  types.includes(name) || (name === 'integer' && types.includes('number'))

const wrongTypes = (types: string[]): Broken[] => {
  const others = Object.keys(samples).filter((name) => !isOf(types, name))
  if (types.length === 0 || others.length === 0) return []
  // In JSON Schema 1e300 is an integer.
  const fits = (value: unknown) => types.includes('integer') && Number.isInteger(value)
  return others
    .map((name) => (samples[name] ?? []).filter((value) => !fits(value)))
    .map((values) => ({ at: '', rule: 'type', value: fc.constantFrom(...values) }))
}

const otherThan = (values: unknown[]): fc.Arbitrary<unknown> => {
  const texts = values.filter((value) => typeof value === 'string')
  const near = texts.flatMap((text) => [text.toUpperCase(), `${text} `, ` ${text}`, `${text}s`, `"${text}"`])
  return fc.oneof(fc.constantFrom('', ...near), fc.string()).filter((value) => !values.includes(value))
}

const brokenNumbers = ({ minimum, maximum }: Schema): Broken[] => [
  ...(minimum === undefined
    ? []
    : [{ at: '', rule: 'minimum', value: fc.constantFrom(minimum - 1, -2 * Math.abs(minimum) - 1) }]),
  ...(maximum === undefined
    ? []
    : [{ at: '', rule: 'maximum', value: fc.constantFrom(maximum + 1, 2 * Math.abs(maximum) + 1, 1e300) }]),
]

const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')

const unknownNames = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'toString', 'user_id', 'id', '', ' ', '$ref'),
  fc.string({ minLength: 1, maxLength: 20 }),
)

const brokenMaps = (schemas: Schemas, schema: Schema): Broken[] => {
  const { propertyNames, additionalProperties, maxProperties } = schema
  const names = propertyNames ? brokenValues(schemas, propertyNames) : []
  const values = typeof additionalProperties === 'object' ? brokenValues(schemas, additionalProperties) : []
  const pairs = entriesOf(schemas, schema, { min: 1, max: 3 })
  const changed =
    (change: (pair: [string, unknown], wrong: unknown) => [string, unknown]) => (wrong: Broken) =>
      fc.tuple(pairs, wrong.value).map(([[first, ...rest], value]) => {
        const pair = first ?? ['key', '']
        return objectOf([...rest, change(pair, value)])
      })
  return [
    ...names
      .filter(({ rule }) => rule !== 'type')
      .map((wrong) => ({ ...wrong, value: changed(([, value], name) => [String(name), value])(wrong) })),
    ...values.map((wrong) => ({
      at: `/*${wrong.at}`,
      rule: wrong.rule,
      value: changed(([name], value) => [name, value])(wrong),
    })),
    ...(maxProperties === undefined
      ? []
      : [
          {
            at: '',
            rule: 'maxProperties',
            value: entriesOf(schemas, schema, { min: maxProperties + 1, max: maxProperties + 1 }).map(
              objectOf,
            ),
          },
        ]),
  ]
}

const brokenObjects = (schemas: Schemas, schema: Schema, hints: Hints): Broken[] => {
  const { properties, required = [], minProperties = 0, additionalProperties } = schema
  if (!properties) return brokenMaps(schemas, schema)
  const whole = validValue(schemas, schema, hints) as fc.Arbitrary<JsonObject>
  const without = (name: string) => (value: JsonObject) =>
    Object.fromEntries(Object.entries(value).filter(([key]) => key !== name))
  const inProperties = Object.entries(properties).flatMap(([name, property]) =>
    brokenValues(schemas, property, hints).map(({ at, rule, value }) => ({
      at: `/${escaped(name)}${at}`,
      rule,
      value: fc.tuple(whole, value).map(([object, wrong]) => ({ ...object, [name]: wrong })),
    })),
  )
  const unknown = fc
    .tuple(whole, unknownNames, fc.constantFrom<unknown>(null, 1, 'text', {}))
    .filter(([, name]) => !Object.hasOwn(properties, name))
    .map(([object, name, value]) => objectOf([...Object.entries(object), [name, value]]))
  return [
    ...inProperties,
    ...required.map((name) => ({
      at: `/${escaped(name)}`,
      rule: 'required',
      value: whole.map(without(name)),
    })),
    ...(additionalProperties === false ? [{ at: '', rule: 'additionalProperties', value: unknown }] : []),
    ...(minProperties > required.length ? [{ at: '', rule: 'minProperties', value: fc.constant({}) }] : []),
  ]
}

const brokenLists = (schemas: Schemas, schema: Schema, hints: Hints): Broken[] => {
  const { items = {}, minItems = 0, maxItems } = schema
  const item = validValue(schemas, items, hints)
  const few = fc.array(item, { minLength: minItems, maxLength: Math.max(minItems, 2) })
  const tooMany = fc
    .tuple(item, fc.constantFrom(1, 2))
    .map(([value, by]) => Array.from({ length: (maxItems ?? 0) + by }, () => value))
  return [
    ...brokenValues(schemas, items, hints).map(({ at, rule, value }) => ({
      at: `/*${at}`,
      rule,
      value: fc.tuple(few, value).map(([list, wrong]) => [...list.slice(1), wrong]),
    })),
    ...(minItems > 0
      ? [{ at: '', rule: 'minItems', value: fc.array(item, { maxLength: minItems - 1 }) }]
      : []),
    ...(maxItems === undefined ? [] : [{ at: '', rule: 'maxItems', value: tooMany }]),
  ]
}

/** What breaks every one of several alternatives, by breaking one of them. */
const brokenChoices = (schemas: Schemas, schema: Schema, choices: Schema[], hints: Hints): Broken[] => {
  const types = choices.flatMap((choice) => typesOf(schemas.resolve(choice)))
  const isTyped = choices.every((choice) => typesOf(schemas.resolve(choice)).length > 0)
  const broken = choices.flatMap((choice) => brokenValues(schemas, choice, hints))
  const isBroken = (value: unknown): boolean => !schemas.isValid(schema, value)
  // What one alternative forbids another one may allow, always.
  const others = broken
    .filter(({ rule }) => rule !== 'type' && rule !== 'enum')
    .filter(({ value }) => fc.sample(value, { seed: 1, numRuns: 20 }).some(isBroken))
  return [
    ...(isTyped ? wrongTypes(types) : []),
    ...others.map((wrong) => ({ ...wrong, value: wrong.value.filter(isBroken) })),
  ]
}

/** Every way in which a value can break one rule of the schema. */
export const brokenValues = (schemas: Schemas, unresolved: Schema, hints: Hints = {}): Broken[] => {
  const schema = schemas.resolve(unresolved)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return brokenChoices(schemas, schema, choices, hints)
  const types = typesOf(schema)
  const texts = schema.enum
    ? []
    : brokenTexts(schema, (text) => schemas.isValid(schema, text)).map(({ rule, text }) => ({
        at: '',
        rule,
        value: text,
      }))
  return [
    ...wrongTypes(types),
    ...(schema.enum ? [{ at: '', rule: 'enum', value: otherThan(schema.enum) }] : []),
    ...(types.includes('string') ? texts : []),
    ...(isOf(types, 'integer') ? brokenNumbers(schema) : []),
    ...(types.includes('array') ? brokenLists(schemas, schema, hints) : []),
    ...(types.includes('object') ? brokenObjects(schemas, schema, hints) : []),
  ]
}
