import { parseJson } from '../../parse-json.js'

const mark = 'provider error: '

/**
 * An error in the middle of a stream, in a form that no package takes for an event: the error then reaches its reader in its own
 * shape, and after the text that came before it.
 */
export const errorEvent = (error: unknown): string => mark + JSON.stringify(error)

/** The error of an event that could not be parsed; undefined when it is no error's. */
export const readErrorEvent = (text: string): unknown =>
  text.startsWith(mark) ? parseJson(text.slice(mark.length)) : undefined
