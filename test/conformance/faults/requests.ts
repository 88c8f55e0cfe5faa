import { answers, bodies, type Json, problem, requests, without } from '../change.js'
import type { PlantedFault } from './planted.js'

const known = ['conversation_id', 'message', 'model', 'title', 'metadata', 'archived', 'expires_at']
const shortened = (text: unknown, length: number): unknown =>
  typeof text === 'string' ? [...text].slice(0, length).join('') : text

const utf8 = (body: string): string => Buffer.from(body, 'latin1').toString('utf8')
const oddInput = /\p{Emoji_Presentation}/u

/** What the server takes in bodies that it must refuse, and refuses that it must take. */
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
]
