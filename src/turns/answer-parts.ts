import type { ToolCall } from '../models/model.js'
import type { Reasoning } from './events.js'

export type AnswerPart =
  | { type: 'text'; text: string }
  | { type: 'reasoning'; text: string }
  | { type: 'tool-call'; call: ToolCall }

/** The index in UTF-16 code units after so many more characters (code points), at most the text's length. */
const advance = (text: string, index: number, characters: number): number => {
  let end = index
  for (let n = 0; n < characters && end < text.length; n += 1)
    end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1
  return end
}

/** What an answer is made of, in the order in which the model wrote it: texts, reasoning and tool calls. */
export const answerParts = (
  text: string,
  calls: readonly ToolCall[],
  reasoning: readonly Reasoning[],
): AnswerPart[] => {
  const parts: AnswerPart[] = []
  let characters = 0
  let index = 0
  const addTextUntil = (offset: number): void => {
    const end = advance(text, index, offset - characters)
    if (end > index) parts.push({ type: 'text', text: text.slice(index, end) })
    index = end
    characters = Math.max(characters, offset)
  }
  const pieces = [...reasoning]
  const addReasoning = (callsBefore: number): void => {
    while (pieces[0] && pieces[0].calls_before <= callsBefore) {
      const { text, text_offset } = pieces.shift() as Reasoning
      addTextUntil(text_offset)
      parts.push({ type: 'reasoning', text })
    }
  }
  calls.forEach((call, n) => {
    addReasoning(n)
    addTextUntil(call.text_offset ?? 0)
    parts.push({ type: 'tool-call', call })
  })
  addReasoning(calls.length)
  if (index < text.length) parts.push({ type: 'text', text: text.slice(index) })
  return parts
}
