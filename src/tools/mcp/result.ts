import { isNestedTooDeep } from '../../json-depth.js'
import { isJsonObject, type JsonObject } from '../../json-object.js'
import { ToolError } from '../tool.js'

/** A call's result as the server sent it: `content`, `structuredContent`, `isError`. */
export type CallResult = Record<string, unknown>

const MAX_ERROR_LENGTH = 2_000

/** Truncates a text to the length of a ToolError, without splitting a surrogate pair. */
export const truncateErrorText = (text: string): string =>
  text.length <= MAX_ERROR_LENGTH
    ? text
    : `${text.slice(0, MAX_ERROR_LENGTH - 1).replace(/[\uD800-\uDBFF]$/, '')}…`

/**
 * Takes a call's result out of its message, where the SDK would refuse all of it for one block that it does not know. A request for
 * input is left to the SDK, which refuses it.
 */
export const takeResult = (result: CallResult): CallResult => {
  if (typeof result.resultType === 'string' && result.resultType !== 'complete') return {}
  const taken = { ...result }
  for (const name of Object.keys(result)) delete result[name]
  Object.assign(result, { content: [], resultType: 'complete' })
  return taken
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isWord = (value: unknown): value is string => isText(value) && value.trim() !== ''

const MAX_TYPE_LENGTH = 64

const leftOut = (what: unknown, base64: unknown): string => {
  const size = isText(base64) ? `, ${Buffer.byteLength(base64, 'base64')} bytes` : ''
  return `[${isText(what) ? what.slice(0, MAX_TYPE_LENGTH) : 'data'}${size}, left out]`
}

/** A resource that the tool refers to, as text: `name <uri>: description`. Nothing is read from it. */
const linkText = ({ uri, name, title, description }: JsonObject): string | undefined => {
  const [label, address, about] = [[name, title].find(isWord), uri, description].map((value) =>
    isWord(value) ? value.trim() : '',
  )
  const link = label && address ? `${label} <${address}>` : label || address
  return [link, about].filter(Boolean).join(': ') || undefined
}

/** The text of a content block; undefined when there is nothing in it. */
const blockText = (block: unknown): string | undefined => {
  if (!isJsonObject(block)) return isText(block) || typeof block === 'number' ? String(block) : undefined
  const { type, text, resource, data, mimeType } = block
  switch (type) {
    case 'image':
    case 'audio':
      return leftOut(mimeType, data)
    case 'resource_link':
      return linkText(block)
    case 'resource': {
      const embedded = isJsonObject(resource) ? resource : {}
      const { text, blob, mimeType } = embedded
      if (isText(text)) return text
      return isText(blob) ? leftOut(mimeType, blob) : linkText(embedded)
    }
  }
  if ((type ?? 'text') !== 'text') return leftOut(type, undefined)
  if (isText(text)) return text
  if (text === null || text === undefined) return undefined
  return isNestedTooDeep(text) ? leftOut('text', undefined) : JSON.stringify(text)
}

const contentText = (content: unknown): string =>
  (Array.isArray(content) ? content : [content])
    .map(blockText)
    .filter((text) => text !== undefined)
    .join('\n')

/** The links alone, which structured content does not repeat as it does a text. */
const linksText = (content: unknown): string =>
  contentText([content].flat().filter((block) => isJsonObject(block) && block.type === 'resource_link'))

/** Whether structured content says nothing, so that it must not take the place of a text. */
const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  (typeof value === 'object' && Object.keys(value).length === 0)

/** The members of MCP's own in a result. */
const OWN = new Set(['content', 'structuredContent', 'toolResult', 'isError', 'resultType', '_meta'])

/** What a server sends that puts its data into the result itself. */
const withoutContent = (result: CallResult): CallResult | undefined => {
  if ((result.content ?? null) !== null) return undefined
  const members = Object.entries(result).filter(([name]) => !OWN.has(name))
  return members.length > 0 ? Object.fromEntries(members) : undefined
}

/** The size of a value as JSON. */
export const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))

/** Truncates a text to at most `maxBytes` as JSON, including a note of how much is missing. */
export const truncateText = (text: string, maxBytes: number): string => {
  const total = Buffer.byteLength(text)
  const note = (kept: number): string => `… [cut: ${kept} of ${total} bytes]`
  let room = maxBytes - jsonBytes(note(total))
  let length = 0
  for (const character of text) {
    // As escaped in JSON, without the quotes.
    room -= jsonBytes(character) - 2
    if (room < 0) break
    length += character.length
  }
  const kept = text.slice(0, length)
  return kept + note(Buffer.byteLength(kept))
}

/** Converts a call's result to JSON data of at most `maxBytes`. Throws ToolError when the tool reports an error. */
export const toToolResult = (result: CallResult, maxBytes: number): unknown => {
  // `toolResult` is that of MCP 2024-10-07.
  const { content, isError } = result
  const structuredContent = result.structuredContent ?? result.toolResult ?? withoutContent(result)
  const text = contentText(content)
  if (isError === true || isError === 'true' || isError === 1) {
    const data =
      isEmpty(structuredContent) || isNestedTooDeep(structuredContent)
        ? ''
        : JSON.stringify(structuredContent)
    throw new ToolError(truncateErrorText(text || data || 'The tool failed and did not say why.'))
  }
  const isTextBetter = isEmpty(structuredContent) && (text !== '' || !structuredContent)
  const links = linksText(content)
  const data = isNestedTooDeep(structuredContent)
    ? text || '[data, nested too deep, left out]'
    : isTextBetter
      ? text
      : links === ''
        ? structuredContent
        : `${JSON.stringify(structuredContent)}\n${links}`
  if (jsonBytes(data) <= maxBytes) return data
  return truncateText(typeof data === 'string' ? data : JSON.stringify(data), maxBytes)
}
