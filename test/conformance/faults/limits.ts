import type { Headers, ProxiedAnswer } from '../proxy.js'
import type { PlantedFault } from './planted.js'

const id = '019a0c4e-7b7a-7c15-9c3d-7e8f90a1b2c3'
const right = {
  'retry-after': '0',
  ratelimit: '"turns-per-minute";r=0;t=1',
  'ratelimit-policy': '"running-turns";q=20, "turns-per-minute";q=60;w=60',
}

interface Refusal {
  status: number
  code: string
  title: string
}

const ofUser: Refusal = { status: 429, code: 'rate-limited', title: 'Rate limited' }
const ofAll: Refusal = { status: 503, code: 'service-budget-exceeded', title: 'Service budget exceeded' }

const refusal = (
  { status, code, title }: Refusal,
  path: string,
  headers: Headers,
  limit: string | null,
): ProxiedAnswer => ({
  status,
  headers: {
    ...{ 'content-type': 'application/problem+json', 'x-request-id': id, 'cache-control': 'no-store' },
    ...right,
    ...headers,
  },
  body: JSON.stringify({
    ...{ type: `urn:colloquy:problem:${code}`, title, status, code },
    ...{
      detail: 'A limit is reached.',
      instance: path,
      request_id: id,
      ...(limit !== null && { limit }),
    },
  }),
})

/** A server that refuses the first message and answers it when it is sent again. */
const fault = (
  name: string,
  headers: Headers,
  limit: string | null = 'turns-per-minute',
  kind = ofUser,
): PlantedFault => ({
  name: `a ${kind.status} ${name}`,
  seenBy: ['conversation.begin'],
  make: () => {
    let isRefused = false
    return {
      request: (request) => {
        if (isRefused || request.operation !== 'createTurn') return request
        isRefused = true
        return refusal(kind, request.url, headers, limit)
      },
    }
  },
})

/** What a refusal says of the limit. */
export const limitFaults: PlantedFault[] = [
  fault('does not name its limit', {}, null),
  fault('does not say when to come back', { 'retry-after': undefined }),
  fault('has a RateLimit of another draft', { ratelimit: 'limit=60, remaining=0, reset=1' }),
  fault('has a RateLimit of another limit', { ratelimit: '"turns-per-day";r=0;t=1' }),
  fault('says that something is left', { ratelimit: '"turns-per-minute";r=3;t=1' }),
  fault('has a RateLimit-Policy without its limit', { 'ratelimit-policy': '"running-turns";q=20' }),
  fault('has a RateLimit-Policy without a quota', { 'ratelimit-policy': '"turns-per-minute";w=60' }),
  fault('of the budget for all users does not name it', {}, null, ofAll),
]
