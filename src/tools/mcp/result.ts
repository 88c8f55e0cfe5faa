import type { Client } from '@modelcontextprotocol/client'
import { isNestedTooDeep } from '../../json-depth.js'
import { ToolError } from '../tool.js'

export type CallResult = Awaited<ReturnType<Client['callTool']>>
type Block = CallResult['content'][number]

const MAX_ERROR_LENGTH = 2_000

/** Truncates a text to the length of a ToolError, without splitting a surrogate pair. */
export const truncateErrorText = (text: string): string =>
  text.length <= MAX_ERROR_LENGTH
    ? text
    : `${text.slice(0, MAX_ERROR_LENGTH - 1).replace(/[\uD800-\uDBFF]$/, '')}…`

const omitted = (mimeType: string | undefined, base64: string): string =>
  `[${mimeType ?? 'data'}, ${Buffer.byteLength(base64, 'base64')} bytes, left out]`

const blockText = (block: Block): string => {
  switch (block.type) {
    case 'text':
      return block.text
    case 'image':
    case 'audio':
      return omitted(block.mimeType, block.data)
    case 'resource_link':
      return block.uri
    case 'resource':
      return 'text' in block.resource
        ? block.resource.text
        : omitted(block.resource.mimeType, block.resource.blob)
  }
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
  const { content, structuredContent, isError } = result
  const text = content.map(blockText).join('\n')
  if (isError) throw new ToolError(truncateErrorText(text || 'The tool failed and did not say why.'))
  const data = isNestedTooDeep(structuredContent)
    ? text || '[data, nested too deep, left out]'
    : (structuredContent ?? text)
  if (jsonBytes(data) <= maxBytes) return data
  return truncateText(typeof data === 'string' ? data : JSON.stringify(data), maxBytes)
}
