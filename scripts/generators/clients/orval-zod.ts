import * as zod from './generated/zod.js'
import type { GeneratedClient, Target } from './generated-client.js'

interface Schema<T> {
  parse(value: unknown): T
}

/** There are schemas only, so the calls are made by hand, and each answer is parsed. */
export const createGeneratedClient = ({ url, user, token }: Target): GeneratedClient => {
  const request = (path: string, method = 'GET', body?: unknown, key?: string): Promise<Response> =>
    fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        ...(key !== undefined && { 'Idempotency-Key': key }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  const parsed = async <T>(schema: Schema<T>, answer: Promise<Response>): Promise<T> => {
    const response = await answer
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
    return schema.parse(await response.json())
  }
  const bytes = async (answer: Promise<Response>): Promise<ReadableStream<Uint8Array>> => {
    const { ok, status, body } = await answer
    if (!ok || !body) throw new Error(`${status}`)
    return body
  }
  const api = `/api/${user}`
  const turnOf = (id: string) =>
    `${api}/turns/${zod.GetTurnParams.parse({ user_id: user, turn_id: id }).turn_id}`
  const conversationOf = (id: string) => `${api}/conversations/${id}`
  return {
    createTurn: (turn, key) =>
      parsed(zod.CreateTurn200Response, request(`${api}/chat`, 'POST', zod.CreateTurnBody.parse(turn), key)),
    getTurn: (id) => parsed(zod.GetTurn200Response, request(turnOf(id))),
    cancelTurn: (id) => parsed(zod.CancelTurn200Response, request(`${turnOf(id)}/cancel`, 'POST')),
    listTurns: (id) => parsed(zod.ListTurns200Response, request(`${conversationOf(id)}/turns?order=asc`)),
    listMessages: (id) => parsed(zod.ListMessages200Response, request(`${conversationOf(id)}/messages`)),
    getMessage: (id) => parsed(zod.GetMessage200Response, request(`${api}/messages/${id}?include=reasoning`)),
    createConversation: (title, metadata) =>
      parsed(
        zod.CreateConversation201Response,
        request(`${api}/conversations`, 'POST', zod.CreateConversationBody.parse({ title, metadata })),
      ),
    getConversation: (id) => parsed(zod.GetConversation200Response, request(conversationOf(id))),
    updateConversation: (id, metadata) =>
      parsed(
        zod.UpdateConversation200Response,
        request(conversationOf(id), 'PATCH', zod.UpdateConversationBody.parse({ metadata })),
      ),
    async deleteConversation(id) {
      const { status } = await request(conversationOf(id), 'DELETE')
      if (status !== 204) throw new Error(`${status}`)
    },
    listConversations: (metadata = {}) => {
      const pairs = Object.entries(metadata).map(([key, value]) => [`metadata[${key}]`, value])
      const query = new URLSearchParams(Object.fromEntries(pairs))
      return parsed(zod.ListConversations200Response, request(`${api}/conversations?${query}`))
    },
    listModels: () => parsed(zod.ListModels200Response, request(`${api}/models`)),
    listAssistants: () => parsed(zod.ListAssistants200Response, request(`${api}/assistants`)),
    rateMessage: (id, comment) =>
      parsed(
        zod.RateMessage200Response,
        request(
          `${api}/messages/${id}/feedback`,
          'PUT',
          zod.RateMessageBody.parse({ rating: 'up', comment }),
        ),
      ),
    listUsage: (day) => parsed(zod.ListUsage200Response, request(`${api}/usage?first_day=${day}`)),
    exportConversation: async (id) => (await request(`${conversationOf(id)}/export`)).json(),
    eraseUser: () => parsed(zod.EraseUser200Response, request(`${api}?confirm=${user}`, 'DELETE')),
    searchMessages: (q) =>
      parsed(zod.SearchMessages200Response, request(`${api}/search?q=${encodeURIComponent(q)}`)),
    forkConversation: (id, message_id) =>
      parsed(
        zod.ForkConversation201Response,
        request(`${conversationOf(id)}/fork`, 'POST', zod.ForkConversationBody.parse({ message_id })),
      ),
    getLiveness: () => parsed(zod.GetLiveness200Response, request('/health/live')),
    getReadiness: () => parsed(zod.GetReadiness200Response, request('/health/ready')),
    getToolKeys: () => parsed(zod.GetToolKeys200Response, request('/.well-known/jwks.json')),
    async refused(id) {
      const response = await request(turnOf(id))
      const { code } = zod.GetTurn404Response.parse(await response.json())
      return { code, status: response.status }
    },
    streams: {
      streamNewTurn: (turn, key) =>
        bytes(request(`${api}/chat/stream`, 'POST', zod.StreamNewTurnBody.parse(turn), key)),
      streamTurn: (id) => bytes(request(`${turnOf(id)}/stream`)),
      streamConversation: (id) => bytes(request(`${conversationOf(id)}/stream`)),
      streamUpdates: () => bytes(request(`${api}/updates?max_seconds=1`)),
    },
  }
}
