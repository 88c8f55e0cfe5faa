import { isErrorFromAlias } from '@zodios/core'
import { createApiClient, api as endpoints, schemas } from './generated/api.js'
import type { GeneratedClient, Target } from './generated-client.js'

export const createGeneratedClient = ({ url, user, token }: Target): GeneratedClient => {
  const headers = { authorization: `Bearer ${token}` }
  // Else axios sends `include[]=`.
  const options = { validate: true, axiosConfig: { headers, paramsSerializer: { indexes: null } } }
  const client = createApiClient(url, options)
  /** Its validation would take a stream's text for one event. */
  const unchecked = createApiClient(url, { ...options, validate: 'request' })
  const path = { user_id: user }
  const ofTurn = (turn_id: string) => ({ params: { ...path, turn_id } })
  const ofConversation = (conversation_id: string) => ({ params: { ...path, conversation_id } })
  const keyed = (key: string) => ({ params: path, headers: { 'Idempotency-Key': key } })
  const textOf = (data: unknown): string => {
    if (typeof data !== 'string') throw new Error('the stream is not text')
    return data
  }
  return {
    createTurn: (turn, key) => client.createTurn(turn, keyed(key)),
    getTurn: (id) => client.getTurn(ofTurn(id)),
    cancelTurn: (id) => client.cancelTurn(undefined, ofTurn(id)),
    listTurns: (id) => client.listTurns({ ...ofConversation(id), queries: { order: 'asc' } }),
    listMessages: (id) => client.listMessages(ofConversation(id)),
    getMessage: (message_id) =>
      client.getMessage({ params: { ...path, message_id }, queries: { include: ['reasoning'] } }),
    createConversation: (title, metadata) => client.createConversation({ title, metadata }, { params: path }),
    getConversation: (id) => client.getConversation(ofConversation(id)),
    updateConversation: (id, metadata) => client.updateConversation({ metadata }, ofConversation(id)),
    deleteConversation: (id) => client.deleteConversation(undefined, ofConversation(id)),
    listConversations: (metadata) => client.listConversations({ params: path, queries: { metadata } }),
    listModels: () => client.listModels({ params: path }),
    listAssistants: () => client.listAssistants({ params: path }),
    rateMessage: (message_id, comment) =>
      client.rateMessage({ rating: 'up', comment }, { params: { ...path, message_id } }),
    listUsage: (first_day) => client.listUsage({ params: path, queries: { first_day } }),
    exportConversation: (id) => unchecked.exportConversation(ofConversation(id)),
    eraseUser: () => client.eraseUser(undefined, { params: path, queries: { confirm: user } }),
    searchMessages: (q) => client.searchMessages({ params: path, queries: { q } }),
    forkConversation: (id, message_id) => client.forkConversation({ message_id }, ofConversation(id)),
    getLiveness: () => client.getLiveness(),
    getReadiness: () => client.getReadiness(),
    getToolKeys: () => client.getToolKeys(),
    async refused(id) {
      const error: unknown = await client.getTurn(ofTurn(id)).catch((error: unknown) => error)
      // The error's own type is void: problems are not application/json.
      if (!isErrorFromAlias(endpoints.api, 'getTurn', error) && !(error instanceof Error)) throw error
      const { response } = error as { response?: { status: number; data: unknown } }
      return { code: schemas.Problem.parse(response?.data).code, status: response?.status ?? 0 }
    },
    streams: {
      streamNewTurn: async (turn, key) => textOf(await unchecked.streamNewTurn(turn, keyed(key))),
      streamTurn: async (id) => textOf(await unchecked.streamTurn(ofTurn(id))),
      streamConversation: async (id) => textOf(await unchecked.streamConversation(ofConversation(id))),
      streamUpdates: async () =>
        textOf(await unchecked.streamUpdates({ params: path, queries: { max_seconds: 1 } })),
    },
  }
}
