import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import type { Guide } from '../docs/guides.js'
import { llmsText } from '../docs/llms.js'
import { authorizeInPage, type DemoUser, docsDocument, followAppearance, isLocal } from './docs-page.js'
import { documentOf, sendDocument } from './document.js'
import { serveGuides } from './guides.js'
import { collectionFor } from './postman.js'

interface Documents {
  /** the bundled contract, as JSON */
  json: string
  /** the contract's source */
  yaml: string
  /** the Postman collection that is made from it, as JSON */
  postman: string
  /** the contract as Markdown; undefined where this program is installed without it */
  markdown: string | undefined
  guides: readonly Guide[]
  /** in development: who tries things out from this machine, on the reference page or with Postman */
  demoUser?: DemoUser | undefined
  /** what the paths begin with */
  prefix: string
}

/**
 * The contract with a link to the guides at the top of its page. It is in the description, where the browser resolves it: a proxy may
 * serve the page at a path that the server does not know.
 */
const withGuides = <T extends { info: { description: string } }>(contract: T): T => {
  const link = '[Guides: streaming, tools, models, limits, deployment …](docs/guides)'
  return { ...contract, info: { ...contract.info, description: `${link}\n\n${contract.info.description}` } }
}

/** Serves the contract, a reference page generated from it and the guides, without authentication. */
export const serveDocuments = (
  app: FastifyInstance,
  { json, yaml, postman, markdown, guides, demoUser, prefix }: Documents,
): void => {
  const documents = {
    'openapi.json': documentOf('application/json', json),
    'openapi.yaml': documentOf('application/yaml', yaml),
    ...(markdown !== undefined && { 'docs/api.md': documentOf('text/markdown', markdown) }),
    'llms.txt': documentOf('text/plain', llmsText(guides, markdown !== undefined)),
  }
  for (const [path, document] of Object.entries(documents)) {
    app.get(`${prefix}/${path}`, async (request, reply) => sendDocument(request, reply, document))
  }
  serveGuides(app, guides, prefix)
  const collection = JSON.parse(postman)
  app.get(`${prefix}/postman.json`, async (request, reply) => {
    const text = JSON.stringify(collectionFor(collection, request, prefix, demoUser), undefined, 2)
    return reply.type('application/json; charset=utf-8').send(text)
  })
  const contract = JSON.parse(json)
  const shown = guides.length === 0 ? contract : withGuides(contract)
  const page = docsDocument(shown)
  const localPage = docsDocument(shown, demoUser)
  app.register(fastifySwagger, { mode: 'static', specification: { document: contract } })
  app.register(fastifySwaggerUi, {
    routePrefix: `${prefix}/docs`,
    // The default policy upgrades requests to https, which this server does not speak.
    staticCSP:
      "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'self'; frame-ancestors 'none'",
    // The link to the guides fits one of the page's two addresses.
    uiHooks: {
      onRequest(request, reply, next) {
        if (request.url.split('?', 1)[0]?.endsWith('/docs/')) reply.redirect('../docs')
        else next()
      },
    },
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
    theme: {
      title: 'Colloquy API',
      js: [{ filename: 'appearance.js', content: `(${followAppearance})()` }],
    },
  })
}
