import fastifyCors, { type FastifyCorsOptions } from '@fastify/cors'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Problem } from '../problems.js'
import { createDetailLimiter, toLogText, toLogTexts } from './refusal.js'

/** A browser's question whether a page of another origin may send a request (Fetch standard, CORS-preflight request). */
export const isPreflight = ({ method, raw }: Pick<FastifyRequest, 'method' | 'raw'>): boolean =>
  method === 'OPTIONS' &&
  raw.headers.origin !== undefined &&
  raw.headers['access-control-request-method'] !== undefined

/** Lets pages of these origins call (Fetch standard, CORS protocol); the token travels in a header, no cookies. */
export const allowOrigins = (app: FastifyInstance, origins: string[]): void => {
  const limitDetails = createDetailLimiter()
  // The browser tells the page nothing of the answer, but it shows it to whoever looks into its tools.
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
      methods: ['GET', 'POST', 'PATCH', 'DELETE'],
      allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'last-event-id'],
      exposedHeaders: ['retry-after', 'x-request-id', 'idempotency-replayed'],
      maxAge: 600,
      // Any other OPTIONS request is a method that the path does not have.
      preflight: isPreflight(request),
    })
  }
  app.register(fastifyCors, { delegator })
}
