import { parseJson } from '../../parse-json.js'

/** A tool call's arguments where the SDK expects JSON text: some servers send the object itself. `{}` may precede the text. */
export const toArgumentsText = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value
  const text = JSON.stringify(value)
  return text === '{}' || text === '[]' ? '' : text
}

/**
 * A complete call's arguments: none is an empty object, in the ways in which servers say none. An object in JSON text that is
 * itself in JSON text is that object.
 */
export const toArguments = (input: unknown): unknown => {
  const text = typeof input === 'string' ? input.trim() : undefined
  const isNothing = text !== undefined && /^(null|none|undefined)?$/i.test(text)
  const value = text === undefined ? input : isNothing ? null : (parseJson(text) ?? input)
  const isNone = value === null || value === undefined || (Array.isArray(value) && value.length === 0)
  return isNone ? {} : value
}
