import type { Continuation, PastTurn, ToolCall } from '../../models/model.js'
import type { ToolDefinition } from '../../tools/tool.js'
import type { Answer } from '../events.js'

const bytesPerToken = 3

/**
 * Estimates a text's tokens for any model: one per three bytes of UTF-8. That is 0.8 to 3 times a tokenizer's count for
 * prose, and down to half of it for ids, tables and emoji.
 */
export const estimateTokens = (text: string): number =>
  Math.floor(Buffer.byteLength(text) / bytesPerToken) + 1

/** Estimates the tokens of the tool definitions. */
export const estimateTools = (tools: readonly ToolDefinition[]): number =>
  tools.reduce((sum, { name, description, inputSchema }) => {
    return sum + estimateTokens(JSON.stringify([name, description, inputSchema]))
  }, 0)

/** Assumed for a window of 0, which only means that no earlier turns are sent. */
const assumedWindow = 16_000

type Windows = Pick<WindowLimits, 'historyTokens' | 'modelHistoryTokens'>

const windowOf = ({ historyTokens, modelHistoryTokens }: Windows, model: string): number =>
  modelHistoryTokens?.[model] ?? historyTokens

/** The maximum size of a turn's tool definitions as JSON, in bytes: half of the model's window. */
export const maxToolBytes = (windows: Windows, model: string): number =>
  Math.floor((windowOf(windows, model) || assumedWindow) / 2) * bytesPerToken

/**
 * The maximum size of what a turn keeps for its model's provider, as JSON, in bytes: a quarter of the model's window, so that a long
 * reasoning does not push the conversation out of it.
 */
const maxContinuationBytes = (windows: Windows, model: string): number =>
  Math.min(Math.floor((windowOf(windows, model) || assumedWindow) / 4) * bytesPerToken, 262_144)

const estimateTurn = ({ user, assistant, tool_calls, continuation }: PastTurn): number =>
  estimateTokens(
    user +
      assistant +
      (tool_calls?.length ? JSON.stringify(tool_calls) : '') +
      (continuation ? JSON.stringify(continuation) : ''),
  )

/** The maximum length of a tool's result in later turns, so that one long result leaves room for the conversation. */
const maxHistoryResult = 4_000

const shorten = (call: ToolCall): ToolCall => {
  const text = typeof call.result === 'string' ? call.result : JSON.stringify(call.result)
  if (text === undefined || text.length <= maxHistoryResult) return call
  return { ...call, result: `${text.slice(0, maxHistoryResult).toWellFormed()} … [shortened]` }
}

/** What the model's provider wants to see of a turn again; null when that is nothing, or too much. */
const continuationOf = (windows: Windows, model: string, { responses }: Answer): Continuation | null => {
  if (responses.length === 0) return null
  const continuation = { model, steps: responses }
  const bytes = Buffer.byteLength(JSON.stringify(continuation))
  return bytes <= maxContinuationBytes(windows, model) ? continuation : null
}

/**
 * What is stored for the windows of later turns: the turn's token count, its tool calls with long results shortened, or null if
 * none was, and what the model's provider wants to see again. The SQL function history_window only adds up and compares.
 */
export const forHistory = (
  windows: Windows,
  model: string,
  message: string,
  answer: Answer,
): { windowTokens: number; historyCalls: ToolCall[] | null; continuation: Continuation | null } => {
  const { text, tool_calls } = answer
  const continuation = continuationOf(windows, model, answer)
  const calls = tool_calls.map(shorten)
  const isShortened = calls.some((call, n) => call !== tool_calls[n])
  const turn = { user: message, assistant: text, tool_calls: calls, continuation }
  return { windowTokens: estimateTurn(turn), historyCalls: isShortened ? calls : null, continuation }
}

/** The newest turns, oldest first, that fit together into the given number of tokens. */
export const newestThatFit = (turns: PastTurn[], tokens: number): PastTurn[] => {
  let left = tokens
  const lastThatDoesNot = turns.findLastIndex((turn) => {
    left -= estimateTurn(turn)
    return left < 0
  })
  return turns.slice(lastThatDoesNot + 1)
}

interface WindowLimits {
  systemPrompt: string | undefined
  historyTokens: number
  modelHistoryTokens?: Readonly<Record<string, number>>
}

/** The tokens of a model's window that the system prompt and the message leave free. */
export const availableTokens = (
  { systemPrompt, ...windows }: WindowLimits,
  model: string,
  message: string,
): number => {
  const system = systemPrompt === undefined ? 0 : estimateTokens(systemPrompt)
  return Math.max(0, windowOf(windows, model) - system - estimateTokens(message))
}
