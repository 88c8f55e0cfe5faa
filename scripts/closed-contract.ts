type Node = Record<string, unknown>

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether `anyOf` may grow: an enum's values or a stream's events known today, or any other. */
const mayGrow = (anyOf: unknown): anyOf is [{ $ref: string }, Node] =>
  Array.isArray(anyOf) &&
  anyOf.length === 2 &&
  /^#\/components\/schemas\/Known[A-Z]/.test(anyOf[0].$ref ?? '')

/**
 * Closes a schema to what is known today: an object has no other properties, and an enum or a stream no other values. A schema that says
 * itself what else it takes stays as it is.
 */
const closeSchema = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(closeSchema)
  if (!isNode(schema)) return schema
  const { anyOf, ...rest } = schema
  if (mayGrow(anyOf)) return { ...rest, $ref: anyOf[0].$ref }
  const closed = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closeSchema(value)]))
  const isOpen = isNode(schema.properties) && schema.additionalProperties === undefined
  return isOpen ? { ...closed, additionalProperties: false } : closed
}

/**
 * The contract's closed twin. What is published is open, so that a client takes what later versions add; the server and its
 * tests use the twin, so that nothing is sent that the contract does not have.
 */
export const closeContract = <T extends { components: { schemas: Node } }>(contract: T): T => {
  const { components } = contract
  const schemas = Object.entries(components.schemas).map(([name, schema]) => [name, closeSchema(schema)])
  return { ...contract, components: { ...components, schemas: Object.fromEntries(schemas) } }
}
