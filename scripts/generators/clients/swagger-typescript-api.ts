import { Api, Inclusion, NewRating, Order } from './generated/api.js'
import type { GeneratedClient, Streamed, Target } from './generated-client.js'

const bytesOf = (response: Response): Streamed => {
  if (!response.body) throw new Error(`${response.status} without a body`)
  return response.body
}

export const createGeneratedClient = ({ url, user, token }: Target): GeneratedClient => {
  const { api, health, wellKnown } = new Api<string>({
    baseUrl: url,
    securityWorker: () => ({ headers: { authorization: `Bearer ${token}` } }),
  })
  const keyed = (key: string) => ({ headers: { 'Idempotency-Key': key } })
  return {
    createTurn: async (turn, key) => (await api.createTurn(user, turn, keyed(key))).data,
    getTurn: async (id) => (await api.getTurn(user, id)).data,
    cancelTurn: async (id) => (await api.cancelTurn(user, id)).data,
    listTurns: async (id) => (await api.listTurns(user, id, { order: Order.Asc })).data,
    listMessages: async (id) => (await api.listMessages(user, id)).data,
    getMessage: async (id) => (await api.getMessage(user, id, { include: [Inclusion.Reasoning] })).data,
    createConversation: async (title, metadata) =>
      (await api.createConversation(user, { title, metadata })).data,
    getConversation: async (id) => (await api.getConversation(user, id)).data,
    updateConversation: async (id, metadata) => (await api.updateConversation(user, id, { metadata })).data,
    deleteConversation: (id) => api.deleteConversation(user, id),
    listConversations: async (metadata) => (await api.listConversations(user, { metadata })).data,
    listModels: async () => (await api.listModels(user)).data,
    listAssistants: async () => (await api.listAssistants(user)).data,
    rateMessage: async (id, comment) =>
      (await api.rateMessage(user, id, { rating: NewRating.Up, comment })).data,
    listUsage: async (first_day) => (await api.listUsage(user, { first_day })).data,
    exportConversation: async (id) => (await api.exportConversation(user, id)).data,
    eraseUser: async () => (await api.eraseUser(user, { confirm: user })).data,
    searchMessages: async (q) => (await api.searchMessages(user, { q })).data,
    forkConversation: async (id, message_id) => (await api.forkConversation(user, id, { message_id })).data,
    getLiveness: async () => (await health.getLiveness()).data,
    getReadiness: async () => (await health.getReadiness()).data,
    getToolKeys: async () => (await wellKnown.getToolKeys()).data,
    async refused(id) {
      // What is thrown is the response, with the problem as its `error`.
      const refusal = await api
        .getTurn(user, id)
        .catch((error: Awaited<ReturnType<typeof api.getTurn>>) => error)
      return { code: refusal.error.code, status: refusal.status }
    },
    streams: {
      streamNewTurn: async (turn, key) => bytesOf(await api.streamNewTurn(user, turn, keyed(key))),
      streamTurn: async (id) => bytesOf(await api.streamTurn(user, id)),
      streamConversation: async (id) => bytesOf(await api.streamConversation(user, id)),
      streamUpdates: async () => bytesOf(await api.streamUpdates(user, { max_seconds: 1 })),
    },
  }
}
