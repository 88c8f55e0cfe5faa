import { isJsonObject, type JsonObject } from '../../json-object.js'

type Part = { type: 'text'; text: string } | { type: 'thinking'; thinking: { type: 'text'; text: string }[] }

/** A part that the SDK takes for reasoning. */
export const thinkingPart = (text: string): Part => ({ type: 'thinking', thinking: [{ type: 'text', text }] })

/** The text of a value that is one, or that has or lists some. */
const textIn = (value: unknown): string => {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(textIn).join('')
  if (!isJsonObject(value)) return ''
  return textIn(value.text ?? value.content ?? value.thinking ?? value.summary)
}

const readPart = (part: unknown): Part[] => {
  const text = textIn(part)
  if (text === '') return []
  const isReasoning = isJsonObject(part) && /thinking|reasoning/.test(String(part.type))
  return [isReasoning ? thinkingPart(text) : { type: 'text', text }]
}

/** A delta's content: a text, or parts when it is in part reasoning (Mistral). */
export const readContent = (content: unknown): string | Part[] | undefined => {
  if (typeof content === 'string') return content
  if (typeof content === 'number') return String(content)
  const parts = [content].flat().flatMap(readPart)
  if (parts.length === 0) return undefined
  return parts.every((part) => part.type === 'text') ? parts.map(textIn).join('') : parts
}

/** The fields in which servers tell their model's reasoning: as a text, or as a list of its pieces. */
const texts = ['reasoning_content', 'reasoning', 'thinking', 'reasoning_text']
const lists = ['reasoning_details', 'thinking_blocks']
export const reasoningFields = [...texts, ...lists]

/** Where a delta's reasoning is handed to the extractor, so that the SDK does not take it for another reasoning. */
export const toldReasoning = 'told_reasoning'

const firstText = (delta: JsonObject, names: string[]): string | undefined => {
  const filled = names.find((name) => textIn(delta[name]) !== '')
  return filled ?? names.find((name) => typeof delta[name] === 'string')
}

/**
 * Moves the reasoning of each delta of a response into its content, and hands on its fields as they came. A server may tell it
 * twice, and leave one of the fields empty.
 */
export const createReasoningReader = () => {
  let hasText = false
  return {
    read(delta: JsonObject): { delta: JsonObject; reasoning: string } {
      const rest = Object.fromEntries(
        Object.entries(delta).filter(([name]) => !reasoningFields.includes(name)),
      )
      const text = firstText(delta, texts)
      hasText ||= text !== undefined && textIn(delta[text]) !== ''
      const list = hasText ? undefined : firstText(delta, lists)
      const told = [...(text ? [text] : []), ...lists]
        .filter((name) => typeof delta[name] === 'string' || Array.isArray(delta[name]))
        .map((name) => [name, delta[name]])
      const reasoning = textIn(delta[text ?? '']) || textIn(delta[list ?? ''])
      return {
        delta: told.length > 0 ? { ...rest, [toldReasoning]: Object.fromEntries(told) } : rest,
        reasoning,
      }
    },
  }
}

/** Puts reasoning in front of a delta's content. */
export const withReasoning = (delta: JsonObject, reasoning: string): JsonObject => {
  if (reasoning === '') return delta
  const { content } = delta
  const parts = typeof content === 'string' && content !== '' ? [{ type: 'text', text: content }] : content
  return { ...delta, content: [thinkingPart(reasoning), ...(Array.isArray(parts) ? parts : [])] }
}
