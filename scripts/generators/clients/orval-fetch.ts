import * as api from './generated/client.js'
import type { GeneratedClient, Streamed, Target } from './generated-client.js'

/** The data of an answer that succeeded; a problem is thrown. */
const dataOf = <T extends { status: number; data: unknown }>(answer: T) => {
  if (answer.status >= 400) throw new Error((answer.data as api.Problem).code)
  return answer.data as Extract<T, { status: 200 | 201 | 202 | 204 }>['data']
}

/** A stream is given as one text when it has ended; its type is that of one event. */
const textOf = (data: unknown): Streamed => {
  if (typeof data !== 'string') throw new Error('the stream is not text')
  return data
}

export const createGeneratedClient = ({ url, user, token }: Target): GeneratedClient => {
  // The paths are relative: in a browser to the page, here to the server that is called.
  const { fetch } = globalThis
  globalThis.fetch = (path, init) => fetch(new URL(String(path), url), init)
  const headers = { authorization: `Bearer ${token}` }
  const options = { headers }
  const keyed = (key: string) => ({ headers: { ...headers, 'Idempotency-Key': key } })
  return {
    async createTurn(body, key) {
      const answer = dataOf(await api.createTurn(user, body, keyed(key)))
      // By its type it may be an event of a stream, which it is where one is asked for.
      if (!('turn_id' in answer)) throw new Error('it was streamed')
      return answer
    },
    getTurn: async (id) => dataOf(await api.getTurn(user, id, options)),
    cancelTurn: async (id) => dataOf(await api.cancelTurn(user, id, options)),
    listTurns: async (id) => dataOf(await api.listTurns(user, id, { order: 'asc' }, options)),
    listMessages: async (id) => dataOf(await api.listMessages(user, id, {}, options)),
    getMessage: async (id) => dataOf(await api.getMessage(user, id, { include: ['reasoning'] }, options)),
    createConversation: async (title, metadata) =>
      dataOf(await api.createConversation(user, { title, metadata }, options)),
    getConversation: async (id) => dataOf(await api.getConversation(user, id, options)),
    updateConversation: async (id, metadata) =>
      dataOf(await api.updateConversation(user, id, { metadata }, options)),
    deleteConversation: async (id) => dataOf(await api.deleteConversation(user, id, options)),
    listConversations: async (metadata) => dataOf(await api.listConversations(user, { metadata }, options)),
    listModels: async () => dataOf(await api.listModels(user, options)),
    listAssistants: async () => dataOf(await api.listAssistants(user, options)),
    rateMessage: async (id, comment) =>
      dataOf(await api.rateMessage(user, id, { rating: 'up', comment }, options)),
    listUsage: async (first_day) => dataOf(await api.listUsage(user, { first_day }, options)),
    exportConversation: async (id) => dataOf(await api.exportConversation(user, id, {}, options)),
    eraseUser: async () => dataOf(await api.eraseUser(user, { confirm: user }, options)),
    searchMessages: async (q) => dataOf(await api.searchMessages(user, { q }, options)),
    forkConversation: async (id, message_id) =>
      dataOf(await api.forkConversation(user, id, { message_id }, options)),
    getLiveness: async () => dataOf(await api.getLiveness()),
    getReadiness: async () => dataOf(await api.getReadiness()),
    getToolKeys: async () => dataOf(await api.getToolKeys()),
    async refused(id) {
      const { status, data } = await api.getTurn(user, id, options)
      if (status !== 404) throw new Error('it was not refused')
      return { code: data.code, status }
    },
    streams: {
      streamNewTurn: async (body, key) => textOf(dataOf(await api.streamNewTurn(user, body, keyed(key)))),
      streamTurn: async (id) => textOf(dataOf(await api.streamTurn(user, id, options))),
      streamConversation: async (id) => textOf(dataOf(await api.streamConversation(user, id, options))),
      streamUpdates: async () => textOf(dataOf(await api.streamUpdates(user, { max_seconds: 1 }, options))),
    },
  }
}
