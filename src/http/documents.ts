import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

export interface Documents {
  /** the bundled contract, as JSON text */
  json: string
  /** the contract as it is written */
  yaml: string
}

/** Serves the contract itself and a reference page made from it, without a token. */
export const serveDocuments = (app: FastifyInstance, { json, yaml }: Documents): void => {
  app.get('/openapi.json', async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(json),
  )
  app.get('/openapi.yaml', async (_request, reply) =>
    reply.type('application/yaml; charset=utf-8').send(yaml),
  )
  app.register(fastifySwagger, { mode: 'static', specification: { document: JSON.parse(json) } })
  app.register(fastifySwaggerUi, {
    routePrefix: '/docs',
    // The page's own default upgrades to https, which a server on a plain port does not speak.
    staticCSP:
      "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'self'; frame-ancestors 'none'",
    // A link into the page would lose the parameters that stand at a path.
    uiConfig: {
      layout: 'BaseLayout',
      deepLinking: false,
      docExpansion: 'list',
      persistAuthorization: true,
      validatorUrl: null,
    },
    theme: { title: 'Colloquy API' },
  })
}
