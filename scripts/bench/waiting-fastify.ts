/**
 * A server with nothing in it but fastify: reads a body and answers it as long after as the path says, in milliseconds. What it
 * costs to have so many connections waiting is what no server on this machine can save.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify from 'fastify'

const app = Fastify()
app.post<{ Params: { ms: string } }>('/wait/:ms', async ({ params, body }) => {
  await sleep(Number(params.ms))
  return body
})
console.log(`Server listening at ${await app.listen({ host: '127.0.0.1', port: 0 })}`)
process.once('SIGTERM', () => {
  app.server.closeAllConnections()
  void app.close()
})
