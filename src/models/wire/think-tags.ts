import { isJsonObject } from '../../json-object.js'

/** How models that write their reasoning into their text mark it there, in upper or lower case. */
const tags = [
  ['<think>', '</think>'],
  ['<thinking>', '</thinking>'],
  // Gemini
  ['<thought>', '</thought>'],
  // Mistral
  ['[think]', '[/think]'],
] as const

/** The length of the longest end of the text that `tag` may begin with. */
const overlap = (text: string, tag: string): number => {
  let length = Math.min(text.length, tag.length - 1)
  while (length > 0 && !tag.startsWith(text.slice(-length).toLowerCase())) length -= 1
  return length
}

/** Where a tag is in a text; -1 when it is not. */
const indexOf = (text: string, tag: string): number =>
  text.search(new RegExp(tag.replace(/[[\]]/g, '\\$&'), 'i'))

/**
 * Splits a text that begins with reasoning in tags, as many servers send it, into reasoning and text. Tags further on are part of
 * the text: they may be what the user has asked for.
 */
export const createThinkTags = () => {
  /** what may be a tag, or the beginning of one */
  let held = ''
  let state: 'start' | 'reasoning' | 'blank' | 'text' = 'start'
  let closing = ''

  const readStart = (isEnd: boolean): void => {
    const text = held.trimStart()
    const lower = text.toLowerCase()
    const opened = tags.find(([opening]) => lower.startsWith(opening))
    if (opened) {
      closing = opened[1]
      held = text.slice(opened[0].length)
      state = 'reasoning'
    } else if (isEnd || !tags.some(([opening]) => opening.startsWith(lower))) state = 'text'
  }

  const readReasoning = (isEnd: boolean): string => {
    const end = indexOf(held, closing)
    if (end >= 0) {
      const reasoning = held.slice(0, end)
      held = held.slice(end + closing.length)
      state = 'blank'
      return reasoning
    }
    const kept = isEnd ? 0 : overlap(held, closing)
    const reasoning = held.slice(0, held.length - kept)
    held = held.slice(held.length - kept)
    return reasoning
  }

  /** Gives the reasoning as a part of the content, since no field of the server has told it. */
  const split = (content: string, isEnd: boolean) => {
    if (state === 'text') return { content }
    held += content
    if (state === 'start') readStart(isEnd)
    const reasoning = state === 'reasoning' ? readReasoning(isEnd) : ''
    if (state === 'blank') {
      held = held.trimStart()
      if (held) state = 'text'
    }
    let text = ''
    if (state === 'text') {
      text = held
      held = ''
    }
    if (!reasoning) return { content: text }
    return {
      content: [
        { type: 'thinking', thinking: [{ type: 'text', text: reasoning }] },
        { type: 'text', text },
      ],
    }
  }

  return {
    /** Reads the delta of one event; `isEnd`: no more text follows at once, so nothing is held back. */
    read(delta: unknown, isEnd: boolean): unknown {
      if (state === 'text') return delta
      const { content } = isJsonObject(delta) ? delta : {}
      const text = typeof content === 'string' ? content : ''
      if (text === '' && !(isEnd && held)) return delta
      return { ...(isJsonObject(delta) && delta), ...split(text, isEnd) }
    },
    /** What is still held back at the end of the stream, as a delta. */
    rest: () => (held ? split('', true) : undefined),
  }
}
