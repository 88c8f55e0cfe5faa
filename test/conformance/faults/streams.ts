import { events, type Json, requests, without } from '../change.js'
import type { PlantedFault } from './planted.js'

type Change = (event: Json, id: string, at: number) => Json[]

const stream = (name: string, change: Change, seenBy = ['stream.new']): PlantedFault => ({
  name,
  seenBy,
  make: () => events(change),
})

const only =
  (type: string, change: (event: Json) => Json[]): Change =>
  (event) =>
    event.type === type ? change(event) : [event]

/** Streams of events. */
export const streamFaults: PlantedFault[] = [
  stream('an event has no id', (event, _id, at) => [at === 2 ? `data: ${JSON.stringify(event)}\n` : event]),
  stream('all events have the same id', (event) => [
    `id: 1-1\ndata: ${event === '[DONE]' ? event : JSON.stringify(event)}`,
  ]),
  stream('[DONE] is missing', (event) => (event === '[DONE]' ? [] : [event])),
  stream(
    'finish is missing',
    only('finish', () => []),
  ),
  stream(
    'data-turn is missing',
    only('data-turn', () => []),
  ),
  stream(
    'start is missing',
    only('start', () => []),
  ),
  stream(
    'a text has no end',
    only('text-end', () => []),
  ),
  stream(
    'a text has no beginning',
    only('text-start', () => []),
  ),
  stream(
    'a delta has no text',
    only('text-delta', (event) => [without(event, 'delta')]),
  ),
  stream(
    'an event has a type that no contract knows',
    only('text-delta', (event) => [{ ...event, type: 'text' }]),
  ),
  stream(
    'a frame is no JSON',
    only('start-step', () => ['id: 1-3\ndata: {"type":"start-step"']),
  ),
  stream(
    'finish comes twice',
    only('finish', (event) => [event, event]),
  ),
  stream('there are events after [DONE]', (event, id) =>
    event === '[DONE]' ? [event, `id: ${id}\ndata: {"type":"start-step"}`] : [event],
  ),
  stream(
    'the text that is streamed is not the one that is stored',
    only('text-delta', (event) => [{ ...event, delta: 'something else' }]),
  ),
  stream(
    'start names another message than is stored',
    only('start', (event) => [
      { ...event, messageId: event.messageId.replace(/.$/, (c: string) => (c === '0' ? '1' : '0')) },
    ]),
  ),
  stream(
    'data-turn names another turn',
    only('data-turn', (event) => [
      { ...event, data: { ...event.data, turn_id: event.data.conversation_id } },
    ]),
  ),
  {
    name: 'a stream has no version',
    seenBy: ['stream.new'],
    make: () => ({
      streamHeaders: (headers) => ({ ...headers, 'x-vercel-ai-ui-message-stream': undefined }),
    }),
  },
  {
    name: 'a stream is text/plain',
    seenBy: ['stream.new'],
    make: () => ({ streamHeaders: (headers) => ({ ...headers, 'content-type': 'text/plain' }) }),
  },
  {
    name: 'a stream may be cached',
    seenBy: ['stream.new'],
    make: () => ({ streamHeaders: (headers) => ({ ...headers, 'cache-control': undefined }) }),
  },
  {
    name: 'JSON is answered where a stream was asked for',
    seenBy: ['stream.accept'],
    make: () =>
      requests('createTurn', (request) => ({
        ...request,
        headers: { ...request.headers, accept: 'application/json' },
      })),
  },
  {
    name: 'a stream is answered where JSON was asked for',
    seenBy: ['stream.negotiation'],
    make: () =>
      requests('createTurn', (request) => ({
        ...request,
        headers: { ...request.headers, accept: 'text/event-stream' },
      })),
  },
  {
    name: 'a resumed stream starts over',
    seenBy: ['running.follow'],
    make: () =>
      requests('streamTurn', (request) => ({
        ...request,
        headers: { ...request.headers, 'last-event-id': undefined },
      })),
  },
  {
    name: 'an event is lost when a stream is resumed',
    seenBy: ['stream.resume'],
    make: () => ({
      frames: (request) => {
        let at = 0
        return (frame) => {
          at += 1
          return request.headers['last-event-id'] && at === 1 ? [] : [frame]
        }
      },
    }),
  },
  {
    name: 'the stream breaks off before its end',
    seenBy: ['stream.new'],
    make: () => ({
      frames: () => {
        let isOver = false
        return (frame) => {
          isOver ||= frame.includes('"finish"')
          return isOver ? [] : [frame]
        }
      },
    }),
  },
]
