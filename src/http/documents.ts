import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { authorizeInPage, type DemoUser, docsDocument, isLocal } from './docs-page.js'
import { collectionFor } from './postman.js'

interface Documents {
  /** the bundled contract, as JSON */
  json: string
  /** the contract's source */
  yaml: string
  /** the Postman collection that is made from it, as JSON */
  postman: string
  /** in development: who tries things out from this machine, on the reference page or with Postman */
  demoUser?: DemoUser | undefined
  /** what the paths begin with */
  prefix: string
}

/** Serves the contract and a reference page generated from it, without authentication. */
export const serveDocuments = (
  app: FastifyInstance,
  { json, yaml, postman, demoUser, prefix }: Documents,
): void => {
  app.get(`${prefix}/openapi.json`, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(json),
  )
  app.get(`${prefix}/openapi.yaml`, async (_request, reply) =>
    reply.type('application/yaml; charset=utf-8').send(yaml),
  )
  const collection = JSON.parse(postman)
  app.get(`${prefix}/postman.json`, async (request, reply) => {
    const text = JSON.stringify(collectionFor(collection, request, demoUser), undefined, 2)
    return reply.type('application/json; charset=utf-8').send(text)
  })
  const contract = JSON.parse(json)
  const page = docsDocument(contract)
  const localPage = docsDocument(contract, demoUser)
  app.register(fastifySwagger, { mode: 'static', specification: { document: contract } })
  app.register(fastifySwaggerUi, {
    routePrefix: `${prefix}/docs`,
    // The default policy upgrades requests to https, which this server does not speak.
    staticCSP:
      "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'self'; frame-ancestors 'none'",
    // Deep links would lose the parameters that are declared on a path.
    uiConfig: {
      layout: 'BaseLayout',
      deepLinking: false,
      docExpansion: 'list',
      persistAuthorization: true,
      validatorUrl: null,
      requestInterceptor: authorizeInPage,
    },
    transformSpecification: (_contract, request) => (isLocal(request) ? localPage : page),
    transformSpecificationClone: false,
    theme: { title: 'Colloquy API' },
  })
}
