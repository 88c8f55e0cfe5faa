import { toRequest } from './build-request.js'
import type { User } from './check.js'
import { exchange } from './client.js'
import type { OpenContext } from './context.js'

const timeoutMs = 10_000
const maxPages = 3

interface Listed {
  data?: { id: string; title: string | null; metadata?: Record<string, string> }[]
  next_cursor?: string | null
}

/** Conversations of this run whose making was cut off before its answer. */
const findUnanswered = async ({ url, contract, mark }: OpenContext, user: User): Promise<string[]> => {
  const found: string[] = []
  let cursor: string | undefined
  for (let page = 0; page < maxPages; page += 1) {
    const query = { limit: 100, ...(cursor && { cursor }) }
    const request = toRequest(url, user, contract.operation('listConversations'), { as: user, query })
    const { response } = await exchange(request, { timeoutMs, maxBytes: 8_388_608 })
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

/** Deletes the conversations that the checks have made. Returns how many could not be deleted. */
export const cleanUp = async (context: OpenContext): Promise<number> => {
  const { url, contract, ledger, a, b } = context
  for (const user of [a, b]) {
    const found = await findUnanswered(context, user).catch(() => [])
    for (const id of found) ledger.conversations.set(id, user)
  }
  let left = 0
  const operation = contract.operation('deleteConversation')
  const queue = [...ledger.conversations]
  const work = async () => {
    for (let next = queue.pop(); next; next = queue.pop()) {
      const [conversation_id, user] = next
      const request = toRequest(url, user, operation, { as: user, path: { conversation_id } })
      const { response } = await exchange(request, { timeoutMs, maxBytes: 65_536 })
      if (response?.status === 204 || response?.status === 404) continue
      left += 1
      // A server that does not answer any more would hold up each of them.
      if (!response) left += queue.splice(0).length
    }
  }
  await Promise.all([work(), work(), work(), work()])
  ledger.conversations.clear()
  return left
}
