import createClient from 'openapi-fetch'
import type { components, paths } from './generated/api.js'
import type { GeneratedClient, Target } from './generated-client.js'

type Problem = components['schemas']['Problem']

/** What a call gave; a problem is thrown. */
const dataOf = <T>({ data, error }: { data?: T; error?: Problem }): NonNullable<T> => {
  if (error || data === undefined || data === null) throw new Error(error?.code ?? 'no data')
  return data
}

export const createGeneratedClient = ({ url, user, token }: Target): GeneratedClient => {
  const options = { baseUrl: url, headers: { authorization: `Bearer ${token}` } }
  // createTurn answers with a stream as well, where it is asked for one: the media types say what these clients ask for.
  const client = createClient<paths, 'application/json' | 'application/problem+json'>(options)
  const streams = createClient<paths, 'text/event-stream' | 'application/problem+json'>(options)
  const path = { user_id: user }
  const ofTurn = (turn_id: string) => ({ params: { path: { ...path, turn_id } } })
  const ofConversation = (conversation_id: string) => ({ params: { path: { ...path, conversation_id } } })
  const keyed = (key: string) => ({ path, header: { 'Idempotency-Key': key } })
  // The body stays a stream of bytes; its type is that of the events in it.
  const bytes = { parseAs: 'stream' } as const
  return {
    createTurn: async (body, key) =>
      dataOf(await client.POST('/api/{user_id}/chat', { params: keyed(key), body })),
    getTurn: async (id) => dataOf(await client.GET('/api/{user_id}/turns/{turn_id}', ofTurn(id))),
    cancelTurn: async (id) => dataOf(await client.POST('/api/{user_id}/turns/{turn_id}/cancel', ofTurn(id))),
    listTurns: async (id) =>
      dataOf(await client.GET('/api/{user_id}/conversations/{conversation_id}/turns', ofConversation(id))),
    listMessages: async (id) =>
      dataOf(await client.GET('/api/{user_id}/conversations/{conversation_id}/messages', ofConversation(id))),
    getMessage: async (message_id) =>
      dataOf(
        await client.GET('/api/{user_id}/messages/{message_id}', {
          params: { path: { ...path, message_id }, query: { include: ['reasoning'] } },
        }),
      ),
    createConversation: async (title, metadata) =>
      dataOf(
        await client.POST('/api/{user_id}/conversations', { params: { path }, body: { title, metadata } }),
      ),
    getConversation: async (id) =>
      dataOf(await client.GET('/api/{user_id}/conversations/{conversation_id}', ofConversation(id))),
    updateConversation: async (id, metadata) =>
      dataOf(
        await client.PATCH('/api/{user_id}/conversations/{conversation_id}', {
          ...ofConversation(id),
          body: { metadata },
        }),
      ),
    async deleteConversation(id) {
      const { error } = await client.DELETE(
        '/api/{user_id}/conversations/{conversation_id}',
        ofConversation(id),
      )
      if (error) throw new Error(error.code)
    },
    listConversations: async (metadata) =>
      dataOf(await client.GET('/api/{user_id}/conversations', { params: { path, query: { metadata } } })),
    listModels: async () => dataOf(await client.GET('/api/{user_id}/models', { params: { path } })),
    listAssistants: async () => dataOf(await client.GET('/api/{user_id}/assistants', { params: { path } })),
    rateMessage: async (message_id, comment) =>
      dataOf(
        await client.PUT('/api/{user_id}/messages/{message_id}/feedback', {
          params: { path: { ...path, message_id } },
          body: { rating: 'up', comment },
        }),
      ),
    listUsage: async (first_day) =>
      dataOf(await client.GET('/api/{user_id}/usage', { params: { path, query: { first_day } } })),
    exportConversation: async (id) =>
      dataOf(await client.GET('/api/{user_id}/conversations/{conversation_id}/export', ofConversation(id))),
    eraseUser: async () =>
      dataOf(await client.DELETE('/api/{user_id}', { params: { path, query: { confirm: user } } })),
    searchMessages: async (q) =>
      dataOf(await client.GET('/api/{user_id}/search', { params: { path, query: { q } } })),
    forkConversation: async (id, message_id) =>
      dataOf(
        await client.POST('/api/{user_id}/conversations/{conversation_id}/fork', {
          ...ofConversation(id),
          body: { message_id },
        }),
      ),
    getLiveness: async () => dataOf(await client.GET('/health/live')),
    getReadiness: async () => dataOf(await client.GET('/health/ready')),
    getToolKeys: async () => dataOf(await client.GET('/.well-known/jwks.json')),
    async refused(id) {
      const { error, response } = await client.GET('/api/{user_id}/turns/{turn_id}', ofTurn(id))
      if (!error) throw new Error('it was not refused')
      return { code: error.code, status: response.status }
    },
    streams: {
      async streamNewTurn(body, key) {
        const asked = { params: keyed(key), body, ...bytes }
        return dataOf(await streams.POST('/api/{user_id}/chat/stream', asked))
      },
      streamTurn: async (id) =>
        dataOf(await streams.GET('/api/{user_id}/turns/{turn_id}/stream', { ...ofTurn(id), ...bytes })),
      async streamConversation(id) {
        const asked = { ...ofConversation(id), ...bytes }
        return dataOf(await streams.GET('/api/{user_id}/conversations/{conversation_id}/stream', asked))
      },
      async streamUpdates() {
        const asked = { params: { path, query: { max_seconds: 1 } }, ...bytes }
        return dataOf(await streams.GET('/api/{user_id}/updates', asked))
      },
    },
  }
}
