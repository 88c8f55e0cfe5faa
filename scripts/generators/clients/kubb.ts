import type { Client, RequestConfig } from './generated/.kubb/fetch.js'
import * as api from './generated/index.js'
import type { GeneratedClient, Target } from './generated-client.js'

/** Kubb's own takes a problem for an answer, whose schema then refuses it. */
const request: Client = async <TData, _TError = unknown, TVariables = unknown>(
  config: RequestConfig<TVariables>,
) => {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(config.params ?? {}))
    if (value !== undefined) query.append(key, `${value}`)
  const sent = new Headers(config.headers)
  if (config.data !== undefined && !sent.has('content-type')) sent.set('content-type', 'application/json')
  const response = await fetch(`${config.baseURL}${config.url}?${query}`, {
    method: config.method ?? 'GET',
    headers: sent,
    ...(config.data !== undefined && { body: JSON.stringify(config.data) }),
  })
  const { status, statusText, headers } = response
  if (!response.ok) throw api.problemSchema.parse(await response.json())
  const data = status === 204 ? undefined : await response.json()
  return { data: data as TData, status, statusText, headers }
}

export const createGeneratedClient = ({ url, user, token }: Target): GeneratedClient => {
  const config = { client: request, baseURL: url, headers: { authorization: `Bearer ${token}` } }
  return {
    createTurn: (turn, key) => api.createTurn(user, turn, { 'Idempotency-Key': key }, config),
    getTurn: (id) => api.getTurn(user, id, config),
    cancelTurn: (id) => api.cancelTurn(user, id, config),
    listTurns: (id) => api.listTurns(user, id, { order: 'asc' }, {}, config),
    listMessages: (id) => api.listMessages(user, id, {}, {}, config),
    getMessage: (id) => api.getMessage(user, id, { include: ['reasoning'] }, {}, config),
    createConversation: (title, metadata) => api.createConversation(user, { title, metadata }, config),
    getConversation: (id) => api.getConversation(user, id, {}, config),
    updateConversation: (id, metadata) => api.updateConversation(user, id, { metadata }, config),
    deleteConversation: (id) => api.deleteConversation(user, id, config),
    listConversations: (metadata) => api.listConversations(user, { metadata }, {}, config),
    listModels: () => api.listModels(user, config),
    listAssistants: () => api.listAssistants(user, config),
    rateMessage: (id, comment) => api.rateMessage(user, id, { rating: 'up', comment }, config),
    listUsage: (first_day) => api.listUsage(user, { first_day }, {}, config),
    exportConversation: (id) => api.exportConversation(user, id, {}, config),
    eraseUser: () => api.eraseUser(user, { confirm: user }, config),
    searchMessages: (q) => api.searchMessages(user, { q }, {}, config),
    forkConversation: (id, message_id) => api.forkConversation(user, id, { message_id }, config),
    getLiveness: () => api.getLiveness(config),
    getReadiness: () => api.getReadiness(config),
    getToolKeys: () => api.getToolKeys(config),
    async refused(id) {
      const problem = await api.getTurn(user, id, config).then(
        () => undefined,
        (error: unknown) => api.problemSchema.parse(error),
      )
      if (!problem) throw new Error('it was not refused')
      return problem
    },
  }
}
