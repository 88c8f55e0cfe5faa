import { answers, problem, queries, requests } from '../change.js'
import type { PlantedFault } from './planted.js'

/** What the server takes in URLs and headers that it must refuse. */
export const parameterFaults: PlantedFault[] = [
  {
    name: 'a limit over 100 is taken for 100',
    seenBy: ['generated-invalid.listMessages.query-limit.maximum'],
    make: () =>
      queries('listMessages', (query) => {
        if (Number(query.get('limit')) > 100) query.set('limit', '100')
      }),
  },
  {
    name: 'a limit in hexadecimal is taken',
    seenBy: ['generated-invalid.listTurns.query-limit.type'],
    make: () =>
      queries('listTurns', (query) => {
        if (query.get('limit')?.startsWith('0x')) query.set('limit', '16')
      }),
  },
  {
    name: 'an unknown query parameter is ignored',
    seenBy: ['generated-invalid.listConversations.query.unknown'],
    make: () =>
      queries('listConversations', (query) => {
        for (const name of [...query.keys()])
          if (!/^(limit|cursor|archived|pinned|metadata.*)$/.test(name)) query.delete(name)
      }),
  },
  {
    name: 'the last of two parameters of a name counts',
    seenBy: ['generated-invalid.listMessages.query-limit.twice'],
    make: () =>
      queries('listMessages', (query) => {
        for (const name of new Set(query.keys())) query.set(name, query.getAll(name).at(-1) ?? '')
      }),
  },
  {
    name: 'a cursor that was changed leads to the first page',
    seenBy: ['generated-invalid.listConversations.query-cursor.opaque'],
    make: () => ({
      answer: async (answer, request, send) =>
        answer.status === 422 &&
        request.operation === 'listConversations' &&
        answer.body.includes('/query/cursor')
          ? send({ ...request, url: request.url.replace(/([?&])cursor=[^&]*&?/, '$1').replace(/[?&]$/, '') })
          : answer,
    }),
  },
  {
    name: 'the days of a range may be in the wrong order',
    seenBy: ['generated-invalid.listUsage.query-last_day.order'],
    make: () =>
      queries('listUsage', (query) => {
        const [first, last] = [query.get('first_day'), query.get('last_day')]
        if (first && last && first > last) query.delete('first_day')
      }),
  },
  {
    name: 'a day that does not exist is taken',
    seenBy: ['generated-invalid.listUsage.query-first_day.format'],
    make: () =>
      queries('listUsage', (query) => {
        for (const name of ['first_day', 'last_day'])
          if (/-(30|31|29|00)$/.test(query.get(name) ?? '')) query.delete(name)
      }),
  },
  {
    name: 'every 422 is a 200',
    seenBy: ['generated-invalid.listModels.query.unknown'],
    make: () =>
      answers('listModels', (answer) => (answer.status === 422 ? { ...answer, status: 200 } : answer)),
  },
  {
    name: 'a 422 is a 400',
    seenBy: ['generated-invalid.getTurn.path-turn_id.pattern'],
    make: () =>
      answers('getTurn', (answer) => (answer.status === 422 ? problem(400, 'malformed-request') : answer)),
  },
  {
    name: 'two Idempotency-Keys are one',
    seenBy: ['generated-invalid.createTurn.headers-Idempotency-Key.twice'],
    make: () =>
      requests('createTurn', (request) => ({
        ...request,
        headers: {
          ...request.headers,
          'idempotency-key': [request.headers['idempotency-key'] ?? []].flat()[0],
        },
      })),
  },
  {
    name: 'a path with a bad percent-encoding is taken',
    seenBy: ['generated-invalid.listModels.query.encoding'],
    make: () => requests('listModels', (request) => ({ ...request, url: request.url.replace(/\?.*/, '') })),
  },
]
