import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { bearerCheck } from '../metrics/bearer.js'
import type { Exposition } from '../metrics/metrics.js'
import { Problem } from '../problems.js'

export interface MetricsPage {
  /** the bearer token of those who may read it */
  token: string
  exposition: Exposition
}

/** Serves the metrics beside the chat, for scrapers that know the token. */
export const serveMetrics = (
  app: FastifyInstance,
  { token, exposition }: MetricsPage,
  prefix: string,
): void => {
  const mayRead = bearerCheck(token)
  const onRequest = async (request: FastifyRequest): Promise<void> => {
    if (mayRead(request.headers.authorization)) return
    request.refusal = { reason: 'metrics-token' }
    throw new Problem('unauthenticated', { headers: { 'www-authenticate': 'Bearer' } })
  }
  app.get(`${prefix}/metrics`, { onRequest }, async (_request, reply: FastifyReply) =>
    reply.type(exposition.contentType).send(await exposition.read()),
  )
}
