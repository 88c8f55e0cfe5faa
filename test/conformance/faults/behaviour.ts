import {
  answers,
  bodies,
  entries,
  headersOf,
  type Json,
  noContent,
  problem,
  requests,
  successes,
  withJson,
} from '../change.js'
import type { PlantedFault } from './planted.js'

/** What the server says that it has done, and has not. */
export const behaviourFaults: PlantedFault[] = [
  {
    name: 'an Idempotency-Key is ignored: a retry doubles the turn',
    seenBy: ['idempotency.replay'],
    make: () =>
      requests('createTurn streamNewTurn', (request) => ({
        ...request,
        headers: { ...request.headers, 'idempotency-key': undefined },
      })),
  },
  {
    name: 'a key is taken with another body',
    seenBy: ['idempotency.mismatch'],
    make: () => ({
      answer: async (answer, request, send) =>
        answer.status === 422 && answer.body.includes('idempotency-key-mismatch')
          ? send({ ...request, headers: { ...request.headers, 'idempotency-key': undefined } })
          : answer,
    }),
  },
  {
    name: 'a repeated answer does not say that it is one',
    seenBy: ['idempotency.replay'],
    make: () => headersOf('createTurn', (headers) => ({ ...headers, 'idempotency-replayed': undefined })),
  },
  {
    name: 'a first answer says that it is a repeated one',
    seenBy: ['idempotency.replay'],
    make: () => headersOf('createTurn', (headers) => ({ ...headers, 'idempotency-replayed': 'true' }), 200),
  },
  {
    name: 'a quoted key is another one than the bare one',
    seenBy: ['idempotency.replay'],
    make: () =>
      requests('createTurn', (request) => {
        const key = request.headers['idempotency-key']
        return typeof key === 'string' && key.startsWith('"')
          ? { ...request, headers: { ...request.headers, 'idempotency-key': `"quoted-${key.slice(1)}` } }
          : request
      }),
  },
  {
    name: 'another turn is answered than the one that was made',
    seenBy: ['conversation.continue'],
    make: () => successes('createTurn', (turn) => ({ ...turn, turn_id: turn.message_id })),
  },
  {
    name: 'the answer names another conversation than was asked for',
    seenBy: ['conversation.continue'],
    make: () => successes('createTurn', (turn) => ({ ...turn, conversation_id: turn.message_id })),
  },
  {
    name: 'the answer is not the one that is stored',
    seenBy: ['conversation.continue'],
    make: () => successes('createTurn', (turn) => ({ ...turn, response: `${turn.response} ` })),
  },
  {
    name: 'deleting does not delete',
    seenBy: ['conversation.delete'],
    make: () => requests('deleteConversation', () => noContent),
  },
  {
    name: 'deleting twice is 204',
    seenBy: ['conversation.delete'],
    make: () => answers('deleteConversation', (answer) => (answer.status === 404 ? noContent : answer)),
  },
  {
    name: 'renaming does not rename',
    seenBy: ['conversation.update'],
    make: () => ({
      request: async (request, send) => {
        if (request.operation !== 'updateConversation' || !request.body.startsWith('{"title":'))
          return request
        const found = await send({
          ...request,
          method: 'GET',
          headers: { authorization: request.headers.authorization },
          body: '',
        })
        return withJson(found, (json) => ({ ...json, title: JSON.parse(request.body).title }))
      },
    }),
  },
  {
    name: 'a null in the metadata removes no key',
    seenBy: ['conversation.metadata'],
    make: () =>
      bodies('updateConversation', (json: Json) =>
        json?.metadata
          ? {
              ...json,
              metadata: Object.fromEntries(
                Object.entries(json.metadata).filter(([, value]) => value !== null),
              ),
            }
          : json,
      ),
  },
  {
    name: 'the metadata is replaced, not merged',
    seenBy: ['conversation.metadata'],
    make: () => ({
      answer: (answer, request) =>
        request.operation === 'updateConversation' &&
        request.body.includes('"metadata"') &&
        answer.status === 200
          ? withJson(answer, (json) => ({
              ...json,
              metadata: Object.fromEntries(
                Object.entries(JSON.parse(request.body).metadata).filter(([, value]) => value !== null),
              ),
            }))
          : answer,
    }),
  },
  {
    name: 'a conversation has no title after its first message',
    seenBy: ['conversation.begin'],
    make: () => successes('getConversation', (c) => ({ ...c, title: null })),
  },
  {
    name: 'the count of messages is wrong',
    seenBy: ['conversation.continue'],
    make: () => successes('getConversation', (c) => ({ ...c, message_count: c.message_count + 1 })),
  },
  {
    name: 'a conversation is busy for ever',
    seenBy: ['conversation.begin'],
    make: () =>
      successes('getConversation', (c) => ({
        ...c,
        running_turn_id: c.running_turn_id ?? (c.message_count > 0 ? c.id : null),
      })),
  },
  {
    name: 'a message follows no other',
    seenBy: ['conversation.continue'],
    make: () => entries('listMessages', (message) => ({ ...message, parent_id: null })),
  },
  {
    name: 'an answer is said by the user',
    seenBy: ['conversation.continue'],
    make: () => entries('listMessages', (message) => ({ ...message, role: 'user' })),
  },
  {
    name: 'parts do not make the content',
    seenBy: ['conversation.continue'],
    make: () => entries('listMessages', (message) => ({ ...message, parts: [] })),
  },
  {
    name: 'a message got by its id is another one',
    seenBy: ['conversation.continue'],
    make: () => successes('getMessage', (message) => ({ ...message, id: message.turn_id })),
  },
  {
    name: 'an ended turn that is cancelled reads as cancelled',
    seenBy: ['running.cancel-ended'],
    make: () => successes('cancelTurn', (turn) => ({ ...turn, status: 'cancelled' })),
  },
  {
    name: 'an idle conversation has no stream: 404',
    seenBy: ['stream.idle'],
    make: () =>
      answers('streamConversation', (answer) =>
        answer.status === 204 ? problem(404, 'conversation-not-found') : answer,
      ),
  },
  {
    name: 'turns are not counted in the usage',
    seenBy: ['usage'],
    make: () => successes('listUsage', (page) => ({ ...page, data: [] })),
  },
  {
    name: 'the total of the usage leaves turns out',
    seenBy: ['usage'],
    make: () => successes('listUsage', (page) => ({ ...page, total: { ...page.total, turns: 0 } })),
  },
  {
    name: 'no model is the default',
    seenBy: ['models'],
    make: () => entries('listModels', (model) => ({ ...model, is_default: false })),
  },
]
