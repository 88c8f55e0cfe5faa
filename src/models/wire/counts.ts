import { isJsonObject, type JsonObject } from '../../json-object.js'

/** Stands for a count that a provider does not give, where the SDK requires one: larger than any that is reported. */
export const unknownCount = 2 ** 40

const toCount = (value: unknown): unknown =>
  typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value

/** The counts of a provider's usage, also those that are a text, and nothing else: a provider may have fields of its own. */
export const readCounts = (usage: unknown): JsonObject => {
  if (!isJsonObject(usage)) return {}
  const counts = Object.entries(usage).map(([name, value]) => [
    name,
    isJsonObject(value) ? readCounts(value) : toCount(value),
  ])
  return Object.fromEntries(counts.filter(([, value]) => typeof value === 'number' || isJsonObject(value)))
}
