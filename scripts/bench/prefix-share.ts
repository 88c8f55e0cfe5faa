import { estimateTokens } from '../../src/turns/agent/history-window.js'
import type { PrefixScenario, ProviderRequest } from './prefix-conversation.js'

/** A request in the order in which providers read it, and cache it: tools, system prompt, messages. */
export const promptOf = ({ tools, messages }: Pick<ProviderRequest, 'tools' | 'messages'>): string =>
  [...tools, ...messages].map((part) => JSON.stringify(part)).join('\n')

const commonPrefix = (one: Buffer, other: Buffer): number => {
  const length = Math.min(one.length, other.length)
  let at = 0
  while (at < length && one[at] === other[at]) at += 1
  return at
}

/** The share of all bytes that are a prefix of the request before. */
export const prefixShare = (texts: readonly string[]): number => {
  const requests = texts.map((text) => Buffer.from(text))
  const shared = requests.map((request, n) =>
    n === 0 ? 0 : commonPrefix(request, requests[n - 1] as Buffer),
  )
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
  return sum(shared) / sum(requests.map(({ length }) => length))
}

type Messages = ProviderRequest['messages']

/** The messages of each turn, from the user's on. */
const turnsOf = (messages: Messages): Messages[] => {
  const turns: Messages[] = []
  for (const message of messages) {
    if (message.role === 'user') turns.push([message])
    else turns.at(-1)?.push(message)
  }
  return turns
}

/**
 * The same requests with the window that Colloquy had before: the newest turns that fit, so that it slides by a turn each time.
 * Each turn is taken from the request after it.
 */
export const slidingRequests = (
  requests: readonly ProviderRequest[],
  { historyMessages, historyTokens }: PrefixScenario,
): ProviderRequest[] => {
  const past: Messages[] = []
  const tokensOf = (value: unknown): number => estimateTokens(JSON.stringify(value))
  let last: string | null | undefined
  return requests.map((request) => {
    const turns = turnsOf(request.messages)
    const current = turns.at(-1) ?? []
    const before = turns.at(-2)
    const isNext = current[0]?.content !== last
    if (isNext && before) past.push(before)
    last = current[0]?.content
    const system = request.messages.filter(({ role }) => role === 'system')
    const fixed = tokensOf([...system, ...request.tools, current[0]])
    let left = historyTokens - fixed
    const tooOld = past.findLastIndex((turn, n) => {
      left -= tokensOf(turn.map(({ content }) => content))
      return left < 0 || past.length - n > historyMessages / 2
    })
    return { ...request, messages: [...system, ...past.slice(tooOld + 1).flat(), ...current] }
  })
}
