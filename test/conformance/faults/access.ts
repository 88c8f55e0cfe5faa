import { answers, headersOf, isOf, problem, requests } from '../change.js'
import type { ProxiedAnswer, ProxiedRequest } from '../proxy.js'
import type { Person, PlantedFault } from './planted.js'

const bearer = ({ token }: Person): string => `Bearer ${token}`
const tokenOf = ({ headers }: ProxiedRequest): string => String(headers.authorization ?? '')

/** The same request of another user. */
const asUser = (request: ProxiedRequest, from: Person, to: Person): ProxiedRequest => ({
  ...request,
  url: request.url.replace(`/api/${from.id}/`, `/api/${to.id}/`),
  headers: { ...request.headers, authorization: bearer(to) },
})

const isHidden = ({ status }: ProxiedAnswer): boolean => status === 404

/** Looks for the row at everybody's. */
const sharedRows = (operation: string) => ({
  name: `${operation} finds another user's row`,
  seenBy: [`other-row.${operation}`],
  make: ({ a, b }: { a: Person; b: Person }) => ({
    answer: async (
      answer: ProxiedAnswer,
      request: ProxiedRequest,
      send: (request: ProxiedRequest) => Promise<ProxiedAnswer>,
    ) => {
      if (!isOf(operation, request) || !isHidden(answer)) return answer
      const [from, to] = tokenOf(request) === bearer(a) ? [a, b] : [b, a]
      return send(asUser(request, from, to))
    },
  }),
})

/** Who may call, and what they may see. */
export const accessFaults: PlantedFault[] = [
  ...[
    'getConversation',
    'getTurn',
    'getMessage',
    'listMessages',
    'listTurns',
    'deleteConversation',
    'streamTurn',
  ].map(sharedRows),
  {
    name: 'a search finds what another user wrote',
    seenBy: ['search.other-user'],
    make: ({ a, b }) =>
      requests('searchMessages', (request) =>
        tokenOf(request) === bearer(b) ? asUser(request, b, a) : request,
      ),
  },
  {
    name: 'a token is not checked for listModels',
    seenBy: ['no-token.listModels', 'bad-token.listModels'],
    make: ({ a }) =>
      requests('listModels', (request) => ({
        ...request,
        headers: { ...request.headers, authorization: bearer(a) },
      })),
  },
  {
    name: 'the signature of a token is not checked',
    seenBy: ['bad-token.getConversation'],
    make: ({ a, b }) =>
      requests('*', (request) => {
        const payload = /^Bearer [\w-]+\.([\w-]+)\./.exec(tokenOf(request))?.[1]
        if (!payload) return request
        const { sub } = JSON.parse(Buffer.from(payload, 'base64url').toString())
        return { ...request, headers: { ...request.headers, authorization: bearer(sub === a.id ? a : b) } }
      }),
  },
  {
    name: "a token opens another user's path",
    seenBy: ['other-user.listConversations'],
    make: ({ a, b }) =>
      requests('listConversations', (request) => {
        const owner = request.url.startsWith(`/api/${a.id}/`) ? a : b
        return tokenOf(request).startsWith('Bearer ey')
          ? { ...request, headers: { ...request.headers, authorization: bearer(owner) } }
          : request
      }),
  },
  {
    name: 'a wrong user is answered with 404 instead of 403',
    seenBy: ['other-user.getTurn'],
    make: () =>
      answers('*', (answer) => (answer.status === 403 ? problem(404, 'conversation-not-found') : answer)),
  },
  {
    name: 'no token is answered with 403',
    seenBy: ['no-token.listMessages'],
    make: () => answers('*', (answer) => (answer.status === 401 ? problem(403, 'forbidden') : answer)),
  },
  {
    name: 'a 401 has no WWW-Authenticate',
    seenBy: ['no-token.listMessages'],
    make: () => headersOf('*', (headers) => ({ ...headers, 'www-authenticate': undefined }), 401),
  },
  {
    name: 'a 401 without a token speaks of an invalid token',
    seenBy: ['no-token.listMessages'],
    make: () =>
      headersOf('*', (headers) => ({ ...headers, 'www-authenticate': 'Bearer error="invalid_token"' }), 401),
  },
  {
    name: 'the detail says that the row belongs to somebody else',
    seenBy: ['other-row.getConversation'],
    make: ({ a, b }) => ({
      answer: async (answer, request, send) => {
        if (!isHidden(answer)) return answer
        const [from, to] = tokenOf(request) === bearer(a) ? [a, b] : [b, a]
        const theirs = await send({ ...asUser(request, from, to), method: 'GET', body: '' })
        if (theirs.status !== 200) return answer
        const said = JSON.parse(answer.body)
        return { ...answer, body: JSON.stringify({ ...said, detail: 'It belongs to somebody else.' }) }
      },
    }),
  },
  {
    name: "another user's row is 403",
    seenBy: ['other-row.getMessage'],
    make: () => answers('*', (answer) => (isHidden(answer) ? problem(403, 'forbidden') : answer)),
  },
  {
    name: 'the body is judged before the token',
    seenBy: ['token-before-body.createTurn'],
    make: ({ a }) => ({
      request: async (request, send) => {
        if (request.headers.authorization !== undefined || request.body === '') return request
        const judged = await send({
          ...request,
          url: request.url.replace(/^\/api\/[^/]+\//, `/api/${a.id}/`),
          headers: { ...request.headers, authorization: bearer(a) },
        })
        return judged.status === 422 || judged.status === 400 ? judged : request
      },
    }),
  },
  {
    name: 'a health check asks for a token',
    seenBy: ['public.getLiveness', 'answer.getLiveness'],
    make: () => requests('getLiveness', () => problem(401, 'unauthenticated')),
  },
]
