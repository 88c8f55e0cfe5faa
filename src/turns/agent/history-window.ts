import type { PastTurn, ToolCall } from '../../models/model.js'
import type { ToolDefinition } from '../../tools/tool.js'
import type { Answer } from '../events.js'

const bytesPerToken = 3

/**
 * About how many tokens a text takes, whichever model's they are: one for three bytes of UTF-8. That is 0.8 to 3 times
 * what tokenizers make of prose, and as little as half of what they make of ids, tables and emoji.
 */
export const estimateTokens = (text: string): number =>
  Math.floor(Buffer.byteLength(text) / bytesPerToken) + 1

/** What a text and the definitions of tools take away from the window. */
export const estimateTools = (tools: readonly ToolDefinition[]): number =>
  tools.reduce((sum, { name, description, inputSchema }) => {
    return sum + estimateTokens(JSON.stringify([name, description, inputSchema]))
  }, 0)

/** Of a window of 0, which says that no earlier turns are sent, and nothing of the model. */
const assumedWindow = 16_000

/** How many bytes the definitions of a turn's tools may have as JSON: half of the model's window, whatever else it is sent. */
export const maxToolBytes = (
  { historyTokens, modelHistoryTokens }: Pick<WindowLimits, 'historyTokens' | 'modelHistoryTokens'>,
  model: string,
): number => {
  const window = modelHistoryTokens?.[model] ?? historyTokens
  return Math.floor((window || assumedWindow) / 2) * bytesPerToken
}

const estimateTurn = ({ user, assistant, tool_calls }: PastTurn): number =>
  estimateTokens(user + assistant + (tool_calls ? JSON.stringify(tool_calls) : ''))

/** How much of a tool's result later turns are given, so that one long result leaves room for the conversation. */
const maxHistoryResult = 4_000

const shorten = (call: ToolCall): ToolCall => {
  const text = typeof call.result === 'string' ? call.result : JSON.stringify(call.result)
  if (text === undefined || text.length <= maxHistoryResult) return call
  return { ...call, result: `${text.slice(0, maxHistoryResult).toWellFormed()} … [shortened]` }
}

/**
 * What is stored of a turn for the windows of later turns: how many tokens it takes of them, and its calls with long
 * results shortened, null where none is. The function history_window in SQL only adds and compares.
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

/** The newest of the turns, oldest first, that fit together into so many tokens. */
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

/** What the system prompt and the message leave of a model's window, in tokens. */
export const availableTokens = (
  { systemPrompt, historyTokens, modelHistoryTokens }: WindowLimits,
  model: string,
  message: string,
): number => {
  const window = modelHistoryTokens?.[model] ?? historyTokens
  const system = systemPrompt === undefined ? 0 : estimateTokens(systemPrompt)
  return Math.max(0, window - system - estimateTokens(message))
}
