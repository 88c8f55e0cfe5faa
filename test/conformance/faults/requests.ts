import { answers, bodies, type Json, problem, queries, requests, without } from '../change.js'
import type { PlantedFault } from './planted.js'

const known = ['conversation_id', 'message', 'model', 'title', 'metadata', 'archived']
const shortened = (text: unknown, length: number): unknown =>
  typeof text === 'string' ? [...text].slice(0, length).join('') : text

const utf8 = (body: string): string => Buffer.from(body, 'latin1').toString('utf8')
const oddInput = /\p{Emoji_Presentation}/u

/** What the server takes that it must refuse, and refuses that it must take. */
export const requestFaults: PlantedFault[] = [
  {
    name: 'an unknown field is ignored',
    seenBy: ['generated-invalid.createConversation.body.additionalProperties'],
    make: () =>
      bodies('createConversation', (json: Json) =>
        json && typeof json === 'object' && !Array.isArray(json)
          ? Object.fromEntries(Object.entries(json).filter(([name]) => known.includes(name)))
          : json,
      ),
  },
  {
    name: 'a title that is too long is cut off',
    seenBy: ['generated-invalid.updateConversation.body-title.maxLength'],
    make: () =>
      bodies('updateConversation', (json: Json) =>
        json?.title ? { ...json, title: shortened(json.title, 200) } : json,
      ),
  },
  {
    name: 'a title of 200 astral characters is too long',
    seenBy: ['texts.createConversation'],
    make: () =>
      requests('createConversation', (request) => {
        const title = /"title":"([^"]*)"/.exec(utf8(request.body))?.[1] ?? ''
        return title.length > 200 && [...title].length <= 200 ? problem(422, 'validation-failed') : request
      }),
  },
  {
    name: 'null is taken for a field that is left out',
    seenBy: ['generated-invalid.createConversation.body-title.type'],
    make: () =>
      bodies('createConversation', (json: Json) => (json?.title === null ? without(json, 'title') : json)),
  },
  {
    name: 'numbers are taken for texts',
    seenBy: ['generated-invalid.createTurn.body-message.type'],
    make: () =>
      bodies('createTurn', (json: Json) =>
        typeof json?.message === 'number' ? { ...json, message: String(json.message) } : json,
      ),
  },
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
          if (!/^(limit|cursor|archived|metadata.*)$/.test(name)) query.delete(name)
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
    name: 'a NUL is dropped from a text',
    seenBy: ['generated-invalid.createTurn.body.nul'],
    make: () =>
      requests('createTurn', (request) => ({ ...request, body: request.body.replaceAll('\\u0000', '') })),
  },
  {
    name: 'half a character is replaced',
    seenBy: ['generated-invalid.createConversation.body.lone-surrogate'],
    make: () =>
      requests('createConversation', (request) => ({
        ...request,
        body: request.body.replace(/\\u[dD][89a-fA-F]../g, '\\ufffd'),
      })),
  },
  {
    name: 'bytes that are not UTF-8 are replaced',
    seenBy: ['generated-invalid.createTurn.body.utf-8'],
    make: () =>
      requests('createTurn', (request) => ({
        ...request,
        body: Buffer.from(utf8(request.body)).toString('latin1'),
      })),
  },
  {
    name: 'any media type is taken for JSON',
    seenBy: ['media-type.createTurn', 'generated-invalid.createTurn.body.media-type'],
    make: () =>
      requests('createTurn', (request) => ({
        ...request,
        headers: { ...request.headers, 'content-type': 'application/json' },
      })),
  },
  {
    name: 'a text of white space alone is a message',
    seenBy: ['generated-invalid.createTurn.body-message.pattern'],
    make: () =>
      bodies('createTurn', (json: Json) =>
        typeof json?.message === 'string' && !/\S/.test(json.message) ? { ...json, message: 'x' } : json,
      ),
  },
  {
    name: 'any model is taken, and another one answers',
    seenBy: ['generated-invalid.createTurn.body-model.allowed'],
    make: () => bodies('createTurn', (json: Json) => (json?.model ? without(json, 'model') : json)),
  },
  {
    name: 'the metadata may have any number of pairs',
    seenBy: ['generated-invalid.updateConversation.body-metadata.pairs-afterwards'],
    make: () =>
      bodies('updateConversation', (json: Json) =>
        json?.metadata && typeof json.metadata === 'object'
          ? { ...json, metadata: Object.fromEntries(Object.entries(json.metadata).slice(0, 10)) }
          : json,
      ),
  },
  {
    name: 'odd input is a 500',
    seenBy: ['generated-valid.createConversation'],
    runs: 80,
    make: () =>
      requests('createConversation', (request) =>
        oddInput.test(utf8(request.body)) ? problem(500, 'internal-error') : request,
      ),
  },
  {
    name: 'wrong input is a 500',
    seenBy: ['generated-invalid.updateConversation.body-archived.type'],
    make: () =>
      answers('updateConversation', (answer) =>
        answer.status === 422 ? problem(500, 'internal-error') : answer,
      ),
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
    name: 'a refused message begins a conversation all the same',
    seenBy: ['generated-invalid.createTurn.body-message.minLength'],
    make: () => ({
      answer: async (answer, request, send) => {
        if (request.operation !== 'createTurn' || answer.status !== 422) return answer
        const url = request.url.replace(/\/chat.*$/, '/conversations')
        await send({
          ...request,
          method: 'POST',
          url,
          headers: { ...request.headers, 'content-type': 'application/json' },
          body: '{}',
        })
        return answer
      },
    }),
  },
  {
    name: 'a message is trimmed',
    seenBy: ['conversation.continue'],
    make: () =>
      bodies('createTurn', (json: Json) =>
        typeof json?.message === 'string' && json.message.trim()
          ? { ...json, message: json.message.trim() }
          : json,
      ),
  },
  {
    name: 'a title is put into lower case',
    seenBy: ['generated-valid.createConversation'],
    runs: 80,
    make: () =>
      bodies('createConversation', (json: Json) =>
        typeof json?.title === 'string' ? { ...json, title: json.title.toLowerCase() } : json,
      ),
  },
  {
    name: 'a key named __proto__ is lost',
    seenBy: ['generated-valid.createConversation'],
    runs: 80,
    make: () =>
      requests('createConversation', (request) => ({
        ...request,
        body: request.body.replace(/"__proto__":"(?:[^"\\]|\\.)*",?/, '').replace(/,\}/g, '}'),
      })),
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
