import { events, type Json, requests, without } from '../change.js'
import type { PlantedFault } from './planted.js'

const told = (name: string, seenBy: string, change: (event: Json) => Json[]): PlantedFault => ({
  name,
  seenBy: [seenBy],
  make: () => ({
    frames: (request) =>
      request.operation === 'streamUpdates'
        ? (events(change).frames?.(request) ?? ((frame) => [frame]))
        : (frame) => [frame],
  }),
})

const only =
  (type: string, change: (event: Json) => Json[]) =>
  (event: Json): Json[] =>
    event.type === type ? change(event) : [event]

/** Streams of updates. */
export const updateFaults: PlantedFault[] = [
  told(
    'a change of a conversation is not told',
    'updates.conversations',
    only('conversation-updated', () => []),
  ),
  told(
    'a deletion is told as a change',
    'updates.conversations',
    only('conversation-deleted', (event) => [{ ...event, type: 'conversation-updated' }]),
  ),
  told(
    'a turn is not told to begin',
    'updates.turns',
    only('turn-started', () => []),
  ),
  told(
    'a turn ends without a status',
    'updates.turns',
    only('turn-ended', (event) => [without(event, 'status')]),
  ),
  told(
    'a stream of updates does not begin with ready',
    'updates.turns',
    only('ready', () => [{ type: 'data-hello' }]),
  ),
  told(
    'a stream of updates has [DONE]',
    'updates.turns',
    only('ready', (event) => [event, '[DONE]']),
  ),
  told(
    'what cannot be gone on after is not told',
    'updates.reset',
    only('reset', () => [{ type: 'ready' }]),
  ),
  {
    name: 'a stream of updates forgets what has changed meanwhile',
    seenBy: ['updates.resume', 'updates.reset'],
    make: () =>
      requests('streamUpdates', (request) => ({
        ...request,
        headers: without(request.headers, 'last-event-id'),
      })),
  },
  {
    name: 'the updates of all users are told to everybody',
    seenBy: ['updates.isolation'],
    make: () => {
      const made: string[] = []
      return {
        answer(answer, { operation }) {
          if (operation === 'createConversation') made.push(JSON.parse(answer.body).id)
          return answer
        },
        frames: () => (frame) => {
          const [id = ''] = frame.split('\n')
          const others = made.splice(0).map((conversation_id) => {
            const event = { type: 'conversation-created', conversation_id }
            return `${id}\ndata: ${JSON.stringify(event)}`
          })
          return [...others, frame]
        },
      }
    },
  },
]
