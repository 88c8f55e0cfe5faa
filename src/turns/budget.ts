import type { Model, ModelRequest, ModelUsage } from '../models/model.js'
import { amountOf, microunit, type Price, type Prices, toMicrounits } from '../models/prices.js'
import type { ToolDefinition } from '../tools/tool.js'
import { maxToolBytes, windowBytes } from './agent/history-window.js'
import type { BeginTurn } from './store/begin-turns.js'

/** What bounds the cost of an attempt. */
export interface BudgetOptions {
  prices?: Prices | undefined
  /** the most that a model may answer with in one request, in tokens */
  maxOutputTokens?: number | undefined
  systemPrompt?: string | undefined
  historyMessages: number
  historyTokens: number
  modelHistoryTokens?: Readonly<Record<string, number>> | undefined
  /** undefined: the models have no tools */
  tools?: object | undefined
  toolSteps: number
}

/** Used when the operator gives no maximum. */
const defaultMaxOutputTokens = 8_192

/** What providers add to a request and to each of its messages, in tokens, generously. */
const requestOverhead = 1_024
const messageOverhead = 16

const bytesOf = (value: unknown): number =>
  value === undefined || value === null
    ? 0
    : Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value))

/**
 * The most tokens that a request can be. A tokenizer makes at most one token of a byte of UTF-8; most make one of three or four.
 */
const mostInputTokens = ({
  system,
  summary,
  history,
  message,
  steps = [],
  tools = [],
}: ModelRequest): number =>
  requestOverhead +
  messageOverhead * (2 * history.length + 2 * steps.length + 2) +
  bytesOf(system) +
  bytesOf(summary) +
  bytesOf(message) +
  history.reduce(
    (sum, { user, assistant, tool_calls, continuation }) =>
      sum + bytesOf(user) + bytesOf(assistant) + bytesOf(tool_calls) + bytesOf(continuation),
    0,
  ) +
  steps.reduce((sum, { continuation, calls }) => sum + bytesOf(continuation) + bytesOf(calls), 0) +
  bytesOf(tools as readonly ToolDefinition[])

/** The highest price of a token of each side, whatever the provider calls it. */
const highest = ({ input, cachedInput, cacheWrite, output, reasoning }: Price) => ({
  input: [input, cachedInput, cacheWrite].reduce((a, b) => (a > b ? a : b)),
  output: output > reasoning ? output : reasoning,
})

/** The highest of all models that may answer. One without a price, such as echo, costs nothing. */
const highestOf = (prices: Prices | undefined, { name, chain = [name] }: Model) =>
  chain
    .flatMap((model) => prices?.of(model) ?? [])
    .map(highest)
    .reduce(
      (a, b) => ({
        input: a.input > b.input ? a.input : b.input,
        output: a.output > b.output ? a.output : b.output,
      }),
      { input: 0n, output: 0n },
    )

const callsTools = ({ tools }: BudgetOptions, model: Model): boolean =>
  tools !== undefined && model.callsTools === true

/** The most bytes of UTF-8 that a message can have. */
const maxMessageBytes = 40_000

/** What a turn has to do with how much it reserves. */
type SizedTurn = Pick<BeginTurn, 'isNewConversation' | 'message' | 'place'>

/** The one that reserves most: any question again, in a conversation that fills the window. */
export const longestTurn: SizedTurn = {
  isNewConversation: false,
  message: '',
  place: { kind: 'again', messageId: '' },
}

/** The bytes that a turn sends at most with its first request. Without history, its window is not used. */
const mostBytes = (
  options: BudgetOptions,
  model: Model,
  { isNewConversation, message, place }: SizedTurn,
): number => {
  const question = place?.kind === 'again' ? maxMessageBytes : Buffer.byteLength(message)
  const tools = callsTools(options, model) ? maxToolBytes(options, model.name) : 0
  const sent = bytesOf(options.systemPrompt) + question + tools
  return isNewConversation ? sent : Math.max(sent, windowBytes(options, model.name))
}

/**
 * What a turn reserves, in microunits: as many requests as it may make, each with what it sends at first and the longest answer. All
 * models of a chain may be asked before one makes the first response.
 */
export const reservationFor = (options: BudgetOptions, model: Model, turn: SizedTurn): number => {
  const price = highestOf(options.prices, model)
  const requests = (callsTools(options, model) ? options.toolSteps : 1) + (model.chain?.length ?? 1) - 1
  const input =
    requestOverhead + messageOverhead * (options.historyMessages + 2) + mostBytes(options, model, turn)
  const output = options.maxOutputTokens ?? defaultMaxOutputTokens
  return toMicrounits(BigInt(requests) * (BigInt(input) * price.input + BigInt(output) * price.output))
}

/** Keeps an attempt within what it has reserved. */
export interface Meter {
  /** Counts a request; gives how many tokens it may be answered with, or undefined when it must not be made. */
  request(request: ModelRequest): number | undefined
  /** The request goes to another model, and the one before may want to be paid all the same. */
  requestAgain(): void
  /** What the request has taken, from the model that answered it. */
  report(model: string, usage: ModelUsage, cacheWriteTokens?: number): void
  /** The request has failed in a way that no provider bills. */
  drop(): void
  /** What the attempt cost, in microunits; a request without a report as much as it could at most. */
  cost(): number
}

export const createMeter = (options: BudgetOptions, model: Model, reserved: number): Meter => {
  const { prices, maxOutputTokens = defaultMaxOutputTokens } = options
  const price = highestOf(prices, model)
  let spent = 0n
  /** of the request under way */
  let held = 0n
  /** of requests that were never reported */
  let lost = 0n
  let bound = 0n

  return {
    request(request) {
      lost += held
      held = 0n
      const left = BigInt(reserved) * microunit - spent - lost
      const input = BigInt(mostInputTokens(request)) * price.input
      if (input > left) return undefined
      const fits = price.output === 0n ? maxOutputTokens : Number((left - input) / price.output)
      const output = Math.min(maxOutputTokens, fits)
      if (output < 1) return undefined
      bound = input + BigInt(output) * price.output
      held = bound
      return output
    },
    requestAgain() {
      lost += bound
    },
    report(name, usage, cacheWriteTokens) {
      const amount = amountOf(prices?.of(name), usage, cacheWriteTokens)
      if (amount === undefined) return
      spent += amount
      held = 0n
    },
    drop() {
      held = 0n
    },
    cost: () => toMicrounits(spent + lost + held),
  }
}
