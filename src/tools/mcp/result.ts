import type { Client } from '@modelcontextprotocol/client'
import { isNestedTooDeep } from '../../json-depth.js'
import { ToolError } from '../tool.js'

export type CallResult = Awaited<ReturnType<Client['callTool']>>
type Block = CallResult['content'][number]

const MAX_ERROR_LENGTH = 2_000

/** Within the length that a ToolError may have, without half of a character at its end. */
export const shortened = (text: string): string =>
  text.length <= MAX_ERROR_LENGTH
    ? text
    : `${text.slice(0, MAX_ERROR_LENGTH - 1).replace(/[\uD800-\uDBFF]$/, '')}…`

const leftOut = (mimeType: string | undefined, base64: string): string =>
  `[${mimeType ?? 'data'}, ${Buffer.byteLength(base64, 'base64')} bytes, left out]`

const textOf = (block: Block): string => {
  switch (block.type) {
    case 'text':
      return block.text
    case 'image':
    case 'audio':
      return leftOut(block.mimeType, block.data)
    case 'resource_link':
      return block.uri
    case 'resource':
      return 'text' in block.resource
        ? block.resource.text
        : leftOut(block.resource.mimeType, block.resource.blob)
  }
}

/** How many bytes a value takes as JSON. */
export const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))

/** The beginning of a text, with a note of what is missing, that takes at most `maxBytes` as JSON. */
export const cutText = (text: string, maxBytes: number): string => {
  const total = Buffer.byteLength(text)
  const note = (kept: number): string => `… [cut: ${kept} of ${total} bytes]`
  let room = maxBytes - jsonBytes(note(total))
  let length = 0
  for (const character of text) {
    // As it is escaped in JSON, without the quotes.
    room -= jsonBytes(character) - 2
    if (room < 0) break
    length += character.length
  }
  const kept = text.slice(0, length)
  return kept + note(Buffer.byteLength(kept))
}

/** What a call gave, as JSON data of at most `maxBytes`. Throws ToolError when the tool says that it failed. */
export const resultOf = (result: CallResult, maxBytes: number): unknown => {
  const { content, structuredContent, isError } = result
  const text = content.map(textOf).join('\n')
  if (isError) throw new ToolError(shortened(text || 'The tool failed and did not say why.'))
  const data = isNestedTooDeep(structuredContent)
    ? text || '[data, nested too deep, left out]'
    : (structuredContent ?? text)
  if (jsonBytes(data) <= maxBytes) return data
  return cutText(typeof data === 'string' ? data : JSON.stringify(data), maxBytes)
}
