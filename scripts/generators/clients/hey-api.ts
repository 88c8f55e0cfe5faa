import { createClient } from './generated/client/index.js'
import * as api from './generated/sdk.gen.js'
import type { KnownStreamEvent } from './generated/types.gen.js'

/** Of StreamEvents; the one of streamConversation may have none, where no turn runs. */
type EventStream = Awaited<
  ReturnType<typeof api.streamTurn | typeof api.streamConversation | typeof api.streamUpdates>
>['stream']

import type { GeneratedClient, Target } from './generated-client.js'

/** The events, without those of later versions; `[DONE]` comes as the bare text that it is. */
async function* knownEvents(stream: EventStream): AsyncGenerator<KnownStreamEvent> {
  for await (const any of stream) {
    const event = any as KnownStreamEvent
    switch (event.type) {
      case 'text-delta':
        yield { ...event, delta: event.delta.toUpperCase() }
        break
      case 'tool-output-error':
        yield { ...event, errorText: event.errorText.slice(0, 80) }
        break
      default:
        yield event
    }
  }
}

export const createGeneratedClient = ({ url, user, token }: Target): GeneratedClient => {
  const client = createClient({ baseUrl: url, auth: token })
  const options = { client, path: { user_id: user } }
  const strict = { ...options, throwOnError: true } as const
  const ofTurn = (turn_id: string) => ({ ...strict, path: { user_id: user, turn_id } })
  const ofConversation = (conversation_id: string) => ({
    ...strict,
    path: { user_id: user, conversation_id },
  })
  const keyed = (key: string) => ({ headers: { 'Idempotency-Key': key } })
  /** Else a stream that is refused, or has an event that the validator does not take, is asked for again for ever. */
  const once = () => {
    const errors: unknown[] = []
    return {
      errors,
      options: { sseMaxRetryAttempts: 1, onSseError: (error: unknown) => void errors.push(error) },
    }
  }
  async function* throwing(stream: EventStream, errors: unknown[]) {
    yield* knownEvents(stream)
    if (errors.length > 0) throw errors[0]
  }
  return {
    createTurn: async (body, key) => (await api.createTurn({ ...strict, body, ...keyed(key) })).data,
    getTurn: async (id) => (await api.getTurn(ofTurn(id))).data,
    cancelTurn: async (id) => (await api.cancelTurn(ofTurn(id))).data,
    listTurns: async (id) => (await api.listTurns({ ...ofConversation(id), query: { order: 'asc' } })).data,
    listMessages: async (id) => (await api.listMessages(ofConversation(id))).data,
    getMessage: async (message_id) =>
      (
        await api.getMessage({
          ...strict,
          path: { user_id: user, message_id },
          query: { include: ['reasoning'] },
        })
      ).data,
    createConversation: async (title, metadata) =>
      (await api.createConversation({ ...strict, body: { title, metadata } })).data,
    getConversation: async (id) => (await api.getConversation(ofConversation(id))).data,
    updateConversation: async (id, metadata) =>
      (await api.updateConversation({ ...ofConversation(id), body: { metadata } })).data,
    deleteConversation: (id) => api.deleteConversation(ofConversation(id)),
    listConversations: async (metadata) =>
      (await api.listConversations({ ...strict, query: { metadata } })).data,
    listModels: async () => (await api.listModels(strict)).data,
    listAssistants: async () => (await api.listAssistants(strict)).data,
    rateMessage: async (message_id, comment) =>
      (
        await api.rateMessage({
          ...strict,
          path: { user_id: user, message_id },
          body: { rating: 'up', comment },
        })
      ).data,
    listUsage: async (first_day) => (await api.listUsage({ ...strict, query: { first_day } })).data,
    exportConversation: async (id) => (await api.exportConversation(ofConversation(id))).data,
    eraseUser: async () => (await api.eraseUser({ ...strict, query: { confirm: user } })).data,
    searchMessages: async (q) => (await api.searchMessages({ ...strict, query: { q } })).data,
    forkConversation: async (id, message_id) =>
      (await api.forkConversation({ ...ofConversation(id), body: { message_id } })).data,
    getLiveness: async () => (await api.getLiveness({ client, throwOnError: true })).data,
    getReadiness: async () => (await api.getReadiness({ client, throwOnError: true })).data,
    getToolKeys: async () => (await api.getToolKeys({ client, throwOnError: true })).data,
    async refused(turn_id) {
      const { error, response } = await api.getTurn({ ...options, path: { user_id: user, turn_id } })
      if (!error || !response) throw new Error('it was not refused')
      return { code: error.code, status: response.status }
    },
    streams: {
      async streamNewTurn(body, key) {
        const { errors, options: sse } = once()
        const { stream } = await api.streamNewTurn({ ...options, body, ...keyed(key), ...sse })
        return throwing(stream, errors)
      },
      async streamTurn(turn_id) {
        const { errors, options: sse } = once()
        const { stream } = await api.streamTurn({ client, path: { user_id: user, turn_id }, ...sse })
        return throwing(stream, errors)
      },
      async streamConversation(conversation_id) {
        const { errors, options: sse } = once()
        const { stream } = await api.streamConversation({
          client,
          path: { user_id: user, conversation_id },
          ...sse,
        })
        return throwing(stream, errors)
      },
      async streamUpdates() {
        const { errors, options: sse } = once()
        const { stream } = await api.streamUpdates({
          client,
          path: { user_id: user },
          query: { max_seconds: 1 },
          ...sse,
        })
        return throwing(stream, errors)
      },
    },
  }
}
