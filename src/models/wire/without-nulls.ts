import { isJsonObject } from '../../json-object.js'

/** What is data of a model or a tool, in which null is a value. */
const data = new Set(['args', 'arguments', 'input'])

/** JSON without its nulls, which many servers write for what is absent and the SDK refuses. */
export const withoutNulls = <T>(value: T): T => {
  if (Array.isArray(value)) return value.filter((item) => item !== null).map(withoutNulls) as T
  if (!isJsonObject(value)) return value
  const members = Object.entries(value)
    .filter(([, member]) => member !== null)
    .map(([name, member]) => [name, data.has(name) ? member : withoutNulls(member)])
  return Object.fromEntries(members)
}
