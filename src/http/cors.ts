import fastifyCors, { type FastifyCorsOptions } from '@fastify/cors'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Problem } from '../problems.js'
import { toLogText, toLogTexts } from './log-text.js'
import { createDetailLimiter } from './refusal.js'

/** Whether this is a CORS-preflight request (Fetch standard). */
export const isPreflight = ({ method, raw }: Pick<FastifyRequest, 'method' | 'raw'>): boolean =>
  method === 'OPTIONS' &&
  raw.headers.origin !== undefined &&
  raw.headers['access-control-request-method'] !== undefined

/** What pages of allowed origins may send and read. */
export const corsRules = {
  methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'last-event-id', 'consistency-token'],
  exposedHeaders: [
    'content-disposition',
    'location',
    'deprecation',
    'retry-after',
    'sunset',
    'ratelimit',
    'ratelimit-policy',
    'x-request-id',
    'x-vercel-ai-ui-message-stream',
    'idempotency-replayed',
    'consistency-token',
  ],
  maxAge: 600,
}

/** Allows pages of these origins to call (Fetch standard, CORS protocol). Tokens are sent in a header; there are no cookies. */
export const allowOrigins = (app: FastifyInstance, origins: string[]): void => {
  const limitDetails = createDetailLimiter()
  // The page cannot read this response, but a developer sees it in the browser's tools.
  app.addHook('onRequest', (request, _reply, done) => {
    const { origin = '' } = request.headers
    if (!isPreflight(request) || origins.includes(origin)) return done()
    request.refusal = limitDetails({
      reason: 'origin',
      expected: toLogTexts(origins),
      received: toLogText(origin),
    })
    throw new Problem('origin-not-allowed')
  })
  if (origins.length === 0) return
  const delegator = (request: FastifyRequest, done: (error: null, options: FastifyCorsOptions) => void) => {
    done(null, {
      origin: origins,
      ...corsRules,
      // Any other OPTIONS request is no preflight.
      preflight: isPreflight(request),
    })
  }
  app.register(fastifyCors, { delegator })
}
