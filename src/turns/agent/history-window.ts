import type { PastTurn, ToolCall } from '../../models/model.js'
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

/** The maximum size of a turn's tool definitions as JSON, in bytes: half of the model's window. */
export const maxToolBytes = (
  { historyTokens, modelHistoryTokens }: Pick<WindowLimits, 'historyTokens' | 'modelHistoryTokens'>,
  model: string,
): number => {
  const window = modelHistoryTokens?.[model] ?? historyTokens
  return Math.floor((window || assumedWindow) / 2) * bytesPerToken
}

const estimateTurn = ({ user, assistant, tool_calls }: PastTurn): number =>
  estimateTokens(user + assistant + (tool_calls ? JSON.stringify(tool_calls) : ''))

/** The maximum length of a tool's result in later turns, so that one long result leaves room for the conversation. */
const maxHistoryResult = 4_000

const shorten = (call: ToolCall): ToolCall => {
  const text = typeof call.result === 'string' ? call.result : JSON.stringify(call.result)
  if (text === undefined || text.length <= maxHistoryResult) return call
  return { ...call, result: `${text.slice(0, maxHistoryResult).toWellFormed()} … [shortened]` }
}

/**
 * What is stored for the windows of later turns: the turn's token count, and its tool calls with long results shortened,
 * or null if none was. The SQL function history_window only adds up and compares.
 */
export const forHistory = (
  message: string,
  { text, tool_calls }: Answer,
): { windowTokens: number; historyCalls: ToolCall[] | null } => {
  const calls = tool_calls.map(shorten)
  const isShortened = calls.some((call, n) => call !== tool_calls[n])
  const turn = { user: message, assistant: text, ...(calls.length > 0 && { tool_calls: calls }) }
  return { windowTokens: estimateTurn(turn), historyCalls: isShortened ? calls : null }
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
  { systemPrompt, historyTokens, modelHistoryTokens }: WindowLimits,
  model: string,
  message: string,
): number => {
  const window = modelHistoryTokens?.[model] ?? historyTokens
  const system = systemPrompt === undefined ? 0 : estimateTokens(systemPrompt)
  return Math.max(0, window - system - estimateTokens(message))
}
