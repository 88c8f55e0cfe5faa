import {
  answers,
  entries,
  headersOf,
  type Json,
  problem,
  problems,
  requests,
  successes,
  without,
} from '../change.js'
import type { Fault } from '../proxy.js'
import type { PlantedFault } from './planted.js'

const inJson =
  (changed: (operation: string, change: (json: Json) => Json) => Fault) =>
  (
    operation: string,
    name: string,
    change: (json: Json) => Json,
    seenBy = [`answer.${operation}`],
  ): PlantedFault => ({
    name: `${operation}: ${name}`,
    seenBy,
    make: () => changed(operation, change),
  })

const success = inJson(successes)
const entry = inJson(entries)

/** The form of answers: their fields, types, headers and media types. */
export const answerFaults: PlantedFault[] = [
  success('getTurn', 'a required field is missing', (turn) => without(turn, 'usage')),
  success('createTurn', 'tool_calls is absent', (turn) => without(turn, 'tool_calls'), [
    'conversation.begin',
  ]),
  success('getConversation', 'a number comes as a text', (c) => ({
    ...c,
    message_count: String(c.message_count),
  })),
  entry('listConversations', 'a boolean is null', (c) => ({ ...c, archived: null }), [
    'paging.conversations',
  ]),
  entry('listMessages', 'a number is extra large', (m) => ({ ...m, position: m.position + 1e300 })),
  entry('listTurns', 'a time is not in UTC', (turn) => ({
    ...turn,
    created_at: turn.created_at.replace('Z', '+02:00'),
  })),
  success('getMessage', 'a time is a number', (m) => ({ ...m, created_at: Date.parse(m.created_at) })),
  entry('listTurns', 'an id is in upper case', (turn) => ({ ...turn, id: turn.id.toUpperCase() })),
  success('createConversation', 'an id is of another version', (c) => ({
    ...c,
    id: `${c.id.slice(0, 14)}4${c.id.slice(15)}`,
  })),
  success('listTurns', 'next_cursor is left out on the last page', (page) =>
    page.next_cursor === null ? without(page, 'next_cursor') : page,
  ),
  success('listModels', 'the list is not in data', (page) => page.data),
  success('getToolKeys', 'the keys are under another name', ({ keys }) => ({ jwks: keys })),
  {
    name: 'an answer is cut off in the middle of its JSON',
    seenBy: ['answer.getConversation'],
    make: () => answers('getConversation', (answer) => ({ ...answer, body: answer.body.slice(0, -5) })),
  },
  {
    name: 'JSON comes as text/html',
    seenBy: ['answer.getMessage'],
    make: () => headersOf('getMessage', (headers) => ({ ...headers, 'content-type': 'text/html' }), 200),
  },
  {
    name: 'an answer is not UTF-8',
    seenBy: ['answer.createConversation'],
    make: () =>
      answers('createConversation', (answer) => ({
        ...answer,
        body: answer.body.replace('{', '{"note":"\xe4",'),
      })),
  },
  {
    name: '201 is 200',
    seenBy: ['answer.createConversation'],
    make: () =>
      answers('createConversation', (answer) =>
        answer.status === 201 ? { ...answer, status: 200 } : answer,
      ),
  },
  {
    name: 'X-Request-Id is missing',
    seenBy: ['answer.listTurns'],
    make: () => headersOf('listTurns', (headers) => ({ ...headers, 'x-request-id': undefined })),
  },
  {
    name: 'X-Request-Id is the same each time',
    seenBy: ['paging.turns'],
    make: () => headersOf('listTurns', (headers) => ({ ...headers, 'x-request-id': 'constant' }), 200),
  },
  {
    name: 'answers may be cached',
    seenBy: ['answer.listMessages'],
    make: () => headersOf('listMessages', (headers) => ({ ...headers, 'cache-control': 'max-age=60' }), 200),
  },
  {
    name: 'Location is missing',
    seenBy: ['answer.createConversation'],
    make: () => headersOf('createConversation', (headers) => ({ ...headers, location: undefined })),
  },
  {
    name: 'Location leads elsewhere',
    seenBy: ['conversation.create'],
    make: () =>
      headersOf('createConversation', (headers) => ({
        ...headers,
        location: String(headers.location).replace('conversations/', ''),
      })),
  },
  {
    name: 'Allow is missing in a 405',
    seenBy: ['wrong-method.getTurn'],
    make: () => ({
      answer: (answer) =>
        answer.status === 405 ? { ...answer, headers: { ...answer.headers, allow: undefined } } : answer,
    }),
  },
  {
    name: 'an unknown method is 404',
    seenBy: ['wrong-method.getTurn'],
    make: () => ({ answer: (answer) => (answer.status === 405 ? problem(404, 'route-not-found') : answer) }),
  },
  {
    name: 'HEAD is 404',
    seenBy: ['head.getTurn'],
    make: () =>
      requests('*', (request) => (request.method === 'HEAD' ? problem(404, 'route-not-found') : request)),
  },
  {
    name: 'OPTIONS is 404',
    seenBy: ['options.getTurn'],
    make: () => ({
      request: (request) => (request.method === 'OPTIONS' ? problem(404, 'route-not-found') : request),
    }),
  },
  {
    name: 'a problem has no code',
    seenBy: ['other-row.getTurn'],
    make: () => problems(404, (json) => without(json, 'code')),
  },
  {
    name: 'a problem comes as application/json',
    seenBy: ['other-row.getTurn'],
    make: () => headersOf('*', (headers) => ({ ...headers, 'content-type': 'application/json' }), 404),
  },
  {
    name: 'a problem names another status',
    seenBy: ['other-row.getTurn'],
    make: () => problems(404, (json) => ({ ...json, status: 400 })),
  },
  {
    name: 'a problem has the code of another status',
    seenBy: ['other-row.getTurn'],
    make: () => problems(404, (json) => ({ ...json, code: 'forbidden' })),
  },
  {
    name: "a problem's request_id is not that of the header",
    seenBy: ['other-row.getTurn'],
    make: () => problems(404, (json) => ({ ...json, request_id: 'another' })),
  },
  {
    name: 'an HTML page says that a row is not found',
    seenBy: ['other-row.getTurn'],
    make: () =>
      answers('*', (answer) =>
        answer.status === 404
          ? {
              ...answer,
              headers: { ...answer.headers, 'content-type': 'text/html' },
              body: '<h1>Not found</h1>',
            }
          : answer,
      ),
  },
  {
    name: 'a 422 does not say where the mistake is',
    seenBy: ['generated-invalid.createConversation.body-title.type'],
    make: () => problems(422, (json) => without(json, 'errors')),
  },
  {
    name: 'a 422 names the wrong place',
    seenBy: ['generated-invalid.createConversation.body-title.type'],
    make: () =>
      problems(422, (json) => ({
        ...json,
        errors: [{ path: '/body/elsewhere', code: 'value', message: 'no' }],
      })),
  },
  {
    name: 'an unknown path is 200',
    seenBy: ['unknown-path'],
    make: () => ({
      answer: (answer, { operation }) =>
        operation === '' && answer.status === 404 ? { ...answer, status: 200 } : answer,
    }),
  },
  {
    name: 'the answer to a message has another code than is declared',
    seenBy: ['conversation.begin'],
    make: () =>
      answers('createTurn', (answer) => (answer.status === 200 ? { ...answer, status: 202 } : answer)),
  },
]
