/** A JSON Schema, as the contract uses it. */
export interface Schema {
  $ref?: string
  type?: string | string[]
  description?: string
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  propertyNames?: Schema
  items?: Schema
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  format?: string
  default?: unknown
  [keyword: string]: unknown
}

/** On one line, as a cell of a table. */
export const oneLine = (text: string): string => text.replace(/\s+/g, ' ').replace(/\\?\|/g, '\\|').trim()

const literal = (value: unknown): string => `\`${JSON.stringify(value)}\``

/** What a value may be, in Markdown, with links to the schemas that have a name. */
export const typeOf = (schema: Schema): string => {
  const { $ref, anyOf, oneOf, allOf, items, properties, additionalProperties, type } = schema
  if ($ref) {
    const name = $ref.split('/').at(-1) ?? ''
    return `[${name}](#${name.toLowerCase()})`
  }
  if ('const' in schema) return literal(schema.const)
  if (schema.enum) return schema.enum.map(literal).join(', ')
  const choices = anyOf ?? oneOf
  if (choices) return choices.map(typeOf).join(' or ')
  if (allOf) return allOf.map(typeOf).join(' and ')
  if (type === 'array') return `array of ${items ? typeOf(items) : 'anything'}`
  if (properties) {
    const fields = Object.entries(properties).map(([name, value]) => `\`${name}\`: ${typeOf(value)}`)
    return `object { ${fields.join(', ')} }`
  }
  if (type === 'object' && typeof additionalProperties === 'object')
    return `object with values of ${typeOf(additionalProperties)}`
  return type === undefined ? 'anything' : [type].flat().join(' or ')
}

const limits: [keyword: string, text: (value: unknown) => string][] = [
  ['minLength', (value) => `at least ${value} characters`],
  ['maxLength', (value) => `at most ${value} characters`],
  ['minimum', (value) => `at least ${value}`],
  ['maximum', (value) => `at most ${value}`],
  ['minItems', (value) => `at least ${value} entries`],
  ['maxItems', (value) => `at most ${value} entries`],
  ['maxProperties', (value) => `at most ${value} pairs`],
  ['format', (value) => `format \`${value}\``],
  ['pattern', (value) => `matches \`${value}\``],
  ['default', (value) => `default ${literal(value)}`],
]

/** What limits a value further, as a sentence; empty without limits. */
export const constraintsOf = (schema: Schema): string => {
  const found = limits.flatMap(([keyword, text]) => (keyword in schema ? [text(schema[keyword])] : []))
  const [first = '', ...rest] = found
  return first === '' ? '' : `${[first.charAt(0).toUpperCase() + first.slice(1), ...rest].join(', ')}.`
}
