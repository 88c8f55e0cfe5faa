import fastifyCors, { type FastifyCorsOptions } from '@fastify/cors'
import type { FastifyInstance, FastifyRequest } from 'fastify'

const isPreflight = ({ raw }: FastifyRequest): boolean =>
  raw.headers.origin !== undefined && raw.headers['access-control-request-method'] !== undefined

/** Lets pages of these origins call (Fetch standard, CORS protocol); the token travels in a header, no cookies. */
export const allowOrigins = (app: FastifyInstance, origins: string[]): void => {
  if (origins.length === 0) return
  const delegator = (request: FastifyRequest, done: (error: null, options: FastifyCorsOptions) => void) => {
    done(null, {
      origin: origins,
      methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
      allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'last-event-id'],
      exposedHeaders: ['retry-after', 'x-request-id', 'idempotency-replayed'],
      maxAge: 600,
      // Any other OPTIONS request is a method that the path does not have.
      preflight: isPreflight(request),
    })
  }
  app.register(fastifyCors, { delegator })
}
