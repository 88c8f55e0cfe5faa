import type { JsonObject } from '../../json-object.js'
import { thinkingPart } from './chat-content.js'

/** How models that write their reasoning into their text mark it there, in upper or lower case: the opening tag, then the closing ones. */
const tags: readonly (readonly [string, ...string[]])[] = [
  // Some models close with the other word.
  ['<think>', '</think>', '</thinking>'],
  ['<thinking>', '</thinking>', '</think>'],
  ['<reasoning>', '</reasoning>'],
  // Gemini
  ['<thought>', '</thought>'],
  // Mistral
  ['[think]', '[/think]'],
  // ByteDance's Seed
  ['<seed:think>', '</seed:think>'],
  // Kimi-VL
  ['\u25c1think\u25b7', '\u25c1/think\u25b7'],
]

const longestTag = Math.max(...tags.flat().map(({ length }) => length))
/** How much white space is held in front of what may be a tag. */
const maxSpace = 1_000

/** The length of the longest end of the text that `tag` may begin with. */
const overlap = (text: string, tag: string): number => {
  let length = Math.min(text.length, tag.length - 1)
  while (length > 0 && !tag.startsWith(text.slice(-length).toLowerCase())) length -= 1
  return length
}

/** The first of some tags in a text, found in one pass. */
const firstOf = (text: string, tags: readonly string[]): { at: number; length: number } | undefined => {
  const pattern = tags.map((tag) => tag.replace(/[[\]]/g, '\\$&')).join('|')
  const found = new RegExp(pattern, 'i').exec(text)
  return found ? { at: found.index, length: found[0].length } : undefined
}

/**
 * Splits a text that begins with reasoning in tags, as many servers send it, into reasoning and text. Tags further on are part of
 * the text: they may be what the user has asked for.
 */
export const createThinkTags = () => {
  /** what may be a tag, or the beginning of one */
  let held = ''
  let state: 'start' | 'reasoning' | 'text' = 'start'
  let closings: readonly string[] = []

  const readStart = (isEnd: boolean): void => {
    const text = held.trimStart()
    const lower = text.slice(0, longestTag).toLowerCase()
    const opened = tags.find(([opening]) => lower.startsWith(opening))
    // White space behind a reasoning only separates it from the text.
    if (closings.length > 0) held = text
    if (opened) {
      closings = opened.slice(1)
      held = text.slice(opened[0].length)
      state = 'reasoning'
    } else if (
      isEnd ||
      held.length - text.length > maxSpace ||
      !tags.some(([opening]) => opening.startsWith(lower))
    )
      state = 'text'
  }

  const readReasoning = (isEnd: boolean): string => {
    const end = firstOf(held, closings)
    const kept = isEnd ? 0 : Math.max(...closings.map((closing) => overlap(held, closing)))
    const reasoning = held.slice(0, end?.at ?? held.length - kept)
    held = held.slice(reasoning.length + (end?.length ?? 0))
    if (end) state = 'start'
    return reasoning
  }

  /** Gives the reasoning as a part of the content, since no field of the server has told it. */
  const split = (content: string, isEnd: boolean): JsonObject => {
    held += content
    let reasoning = ''
    for (let before = -1; before !== held.length; ) {
      before = held.length
      if (state === 'start') readStart(isEnd)
      if (state === 'reasoning') reasoning += readReasoning(isEnd)
    }
    let text = ''
    if (state === 'text') {
      text = held
      held = ''
    }
    if (!reasoning) return { content: text }
    return { content: [thinkingPart(reasoning), { type: 'text', text }] }
  }

  return {
    /** Reads the delta of one event; `isEnd`: no more text follows at once, so nothing is held back. */
    read(delta: JsonObject, isEnd: boolean): JsonObject {
      if (state === 'text') return delta
      const text = typeof delta.content === 'string' ? delta.content : ''
      if (text === '' && !(isEnd && held)) return delta
      return { ...delta, ...split(text, isEnd) }
    },
    /** What is still held back at the end of the stream, as a delta. */
    rest: () => (held ? split('', true) : undefined),
  }
}
