import type { Continuation, ModelRequest, PastTurn, ToolCall } from '../../models/model.js'
import { introduceSummary } from '../../models/summary.js'
import type { ToolDefinition } from '../../tools/tool.js'
import type { Answer } from '../events.js'
import type { WindowState, WindowTurn } from '../types.js'

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

type WindowSizes = Pick<WindowLimits, 'historyTokens' | 'modelHistoryTokens'>

/** The whole window of a model, in tokens. */
export const windowSize = ({ historyTokens, modelHistoryTokens }: WindowSizes, model: string): number =>
  modelHistoryTokens?.[model] ?? historyTokens

/** The bytes that a model's window takes at most. */
export const windowBytes = (windows: WindowSizes, model: string): number =>
  windowSize(windows, model) * bytesPerToken

/** Assumed for a window of 0, which only means that no earlier turns are sent. */
const assumedWindow = 16_000

/** The maximum size of a turn's tool definitions as JSON, in bytes: half of the model's window. */
export const maxToolBytes = (windows: WindowSizes, model: string): number =>
  Math.floor((windowSize(windows, model) || assumedWindow) / 2) * bytesPerToken

/**
 * The maximum size of what a turn keeps for its model's provider, as JSON, in bytes: a quarter of the model's window, so that a long
 * reasoning does not push the conversation out of it.
 */
const maxContinuationBytes = (windows: WindowSizes, model: string): number =>
  Math.min(Math.floor((windowSize(windows, model) || assumedWindow) / 4) * bytesPerToken, 262_144)

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
const continuationOf = (windows: WindowSizes, model: string, { responses }: Answer): Continuation | null => {
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
  windows: WindowSizes,
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

interface WindowLimits {
  systemPrompt: string | undefined
  historyTokens: number
  modelHistoryTokens?: Readonly<Record<string, number>> | undefined
}

/** The tokens of a model's window that the system prompt and the message leave free. */
export const availableTokens = (
  { systemPrompt, ...windows }: WindowLimits,
  model: string,
  message: string,
): number => {
  const system = systemPrompt === undefined ? 0 : estimateTokens(systemPrompt)
  return Math.max(0, windowSize(windows, model) - system - estimateTokens(message))
}

/** The part of the window that a move leaves in use, so that the next move is many turns away. */
const keptShare = 0.5

const newestThatFit = (turns: readonly WindowTurn[], tokens: number, count: number): WindowTurn[] => {
  let left = tokens
  const lastThatDoesNot = turns.findLastIndex((turn, n) => {
    left -= turn.tokens
    return left < 0 || turns.length - n > count
  })
  return turns.slice(lastThatDoesNot + 1)
}

/** The history of a turn's requests. */
export interface HistoryWindow extends Pick<ModelRequest, 'summary'> {
  history: WindowTurn[]
  /** where it begins now */
  start: number | null
}

/**
 * Decides where the history of a turn begins. The start stays as long as everything from there on fits, so that each request
 * begins with the one before, which providers then have in their prompt caches. When it has to move, it moves far.
 */
export const fitWindow = (
  turns: readonly WindowTurn[],
  state: WindowState,
  { tokens, messages }: { tokens: number; messages: number },
): HistoryWindow => {
  const { start, is_whole, position } = state
  const mostTurns = Math.floor(messages / 2)
  if (mostTurns === 0) return { history: [], start }
  // Of little use to a model whose window it would fill.
  const summary = state.summary && state.summary.tokens <= tokens / 2 ? state.summary : undefined
  const fits = (budget: number) => is_whole && newestThatFit(turns, budget, mostTurns).length === turns.length
  // Nothing has been left out of the history that the summary could stand for.
  if (start === null && fits(tokens)) return { history: [...turns], start }
  const budget = tokens - (summary?.tokens ?? 0)
  if (start !== null && fits(budget)) return { history: [...turns], start, summary: summary?.text }
  const kept = newestThatFit(turns, budget * keptShare, Math.ceil(mostTurns * keptShare))
  const history = kept.length > 0 ? kept : newestThatFit(turns, budget, 1)
  return { history, start: history[0]?.position ?? position, summary: summary?.text }
}

/** How long a summary is at most, however large the window. */
const longestSummary = 6_000

/** How much may be summed up at once, in bytes: half of the model's window. */
export const maxTranscriptBytes = (size: number): number => Math.floor(size / 2) * bytesPerToken

/** How long a summary may be, in bytes: an eighth of the model's window. */
export const maxSummaryBytes = (size: number): number =>
  Math.min(Math.floor(size / 8) * bytesPerToken, longestSummary)

/** Estimates the tokens that a summary takes of a window. */
export const estimateSummary = (text: string): number => estimateTokens(introduceSummary(text, ''))
