import { toRequest } from './build-request.js'
import type { User } from './check.js'
import { type Exchange, exchange, type WireRequest } from './client.js'
import type { RunContext } from './context.js'
import { withinLimits } from './rate-limit.js'

const timeoutMs = 10_000
const maxPages = 3

interface Listed {
  data?: { id: string; title: string | null; metadata?: Record<string, string> }[]
  next_cursor?: string | null
}

/** Sends within the deadline, and waits for what a limit puts off. */
type Send = (request: WireRequest) => Promise<Exchange>

const sendUntil = (deadline: AbortSignal): Send => {
  const send = (request: WireRequest) =>
    exchange(request, { timeoutMs, maxBytes: 8_388_608, signal: deadline })
  return (request) => withinLimits(() => send(request), deadline)
}

/** Conversations of this run, archived or not, whose making was cut off before its answer. */
const findUnanswered = async (
  send: Send,
  { url, contract, mark }: RunContext,
  user: User,
  archived: boolean,
): Promise<string[]> => {
  const found: string[] = []
  let cursor: string | undefined
  for (let page = 0; page < maxPages; page += 1) {
    const query = { limit: 100, archived, ...(cursor && { cursor }) }
    const { response } = await send(
      toRequest(url, user, contract.operation('listConversations'), { as: user, query }),
    )
    if (response?.status !== 200) break
    const { data = [], next_cursor } = JSON.parse(response.text) as Listed
    const ours = data.filter(
      ({ title, metadata }) => title?.startsWith(mark) || metadata?.conformance === mark,
    )
    found.push(...ours.map(({ id }) => id))
    if (!next_cursor) break
    cursor = next_cursor
  }
  return found
}

/**
 * Deletes the conversations that the checks have made, within a deadline of its own: a run whose time is over cleans up, too. Returns
 * how many are left.
 */
export const cleanUp = async (context: RunContext, deadlineMs = 60_000): Promise<number> => {
  const { url, contract, ledger, a, b } = context
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), deadlineMs)
  const send = sendUntil(deadline.signal)
  for (const user of [a, b])
    for (const archived of [false, true]) {
      const found = await findUnanswered(send, context, user, archived).catch(() => [])
      for (const id of found) ledger.conversations.set(id, user)
    }
  const queue = [...ledger.conversations]
  const operation = contract.operation('deleteConversation')
  let left = 0
  const work = async () => {
    for (let next = queue.pop(); next; next = queue.pop()) {
      const [conversation_id, user] = next
      const request = toRequest(url, user, operation, { as: user, path: { conversation_id } })
      const { response } = await send(request).catch(() => ({ response: undefined }))
      if (response?.status === 204 || response?.status === 404) continue
      left += 1
      // A server that does not answer any more would hold up each of them.
      if (!response) left += queue.splice(0).length
    }
  }
  await Promise.all([work(), work(), work(), work()])
  clearTimeout(timer)
  ledger.conversations.clear()
  return left
}
