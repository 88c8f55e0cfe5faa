import { answers, headersOf, type Json, problems, requests, successes, withJson } from '../change.js'
import type { PlantedFault } from './planted.js'

const turnPath = (url: string): string => url.replace(/\/cancel$/, '')

/** What goes wrong while a turn runs. */
export const runningFaults: PlantedFault[] = [
  {
    name: 'cancelling does nothing, and says that it has been done',
    seenBy: ['running.cancel'],
    make: () => ({
      request: async (request, send) => {
        if (request.operation !== 'cancelTurn') return request
        const found = await send({ ...request, method: 'GET', url: turnPath(request.url) })
        return withJson(found, (turn) => ({ ...turn, status: 'cancelled', finished_at: turn.created_at }))
      },
    }),
  },
  {
    name: 'a conflict has no Retry-After',
    seenBy: ['running.busy'],
    make: () => headersOf('createTurn', (headers) => ({ ...headers, 'retry-after': undefined }), 409),
  },
  {
    name: 'a conflict does not name its turn',
    seenBy: ['running.busy'],
    make: () => problems(409, ({ turn_id: _, ...problem }: Json) => problem),
  },
  {
    name: 'two turns of a conversation run at once',
    seenBy: ['running.busy'],
    make: () => ({
      answer: async (answer, request, send) => {
        if (request.operation !== 'createTurn' || answer.status !== 409 || request.headers['idempotency-key'])
          return answer
        const { conversation_id, ...body } = JSON.parse(request.body)
        const beside = await send({ ...request, body: JSON.stringify(body) })
        return withJson(beside, (turn) => ({ ...turn, conversation_id }))
      },
    }),
  },
  {
    name: 'a running turn reads as completed',
    seenBy: ['running.shown'],
    make: () =>
      successes('getTurn', (turn) => ({
        ...turn,
        status: turn.status === 'running' ? 'completed' : turn.status,
      })),
  },
  {
    name: 'a conversation does not say that it is busy',
    seenBy: ['running.shown'],
    make: () => successes('getConversation', (conversation) => ({ ...conversation, running_turn_id: null })),
  },
  {
    name: 'a conversation whose turn runs has no stream',
    seenBy: ['running.follow'],
    make: () =>
      requests('streamConversation', (request) => ({
        ...request,
        url: request.url.replace('/stream', ''),
        operation: 'getConversation',
      })),
  },
  {
    name: 'a reader of a running turn gets no events before its own',
    seenBy: ['running.follow'],
    make: () => ({
      frames: ({ operation, headers }) => {
        let at = 0
        return (frame) => {
          at += 1
          return operation === 'streamTurn' && !headers['last-event-id'] && at === 4 ? [] : [frame]
        }
      },
    }),
  },
  {
    name: 'the text of a cancelled turn is lost',
    seenBy: ['running.cancel'],
    make: () =>
      answers('getMessage', (answer) =>
        withJson(answer, (message) =>
          message.status === 'cancelled' ? { ...message, content: '', parts: [] } : message,
        ),
      ),
  },
]
