import { readFile } from 'node:fs/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { readPictures } from '../docs/diagrams.js'
import { type Guide, readGuide } from '../docs/guides.js'
import { filesFolder, linkedFile, linksOf, resolveLinks } from '../docs/links.js'
import { guidePage } from '../docs/page.js'
import { guideStyle } from '../docs/style.js'
import { Problem } from '../problems.js'
import { packageRoot } from '../root.js'
import { type Document, documentOf, sendDocument } from './document.js'

/** No scripts, and nothing from elsewhere. The icon is an empty data URL, so that browsers ask for none. */
const policy =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** A picture has its styles in itself. */
const picturePolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

/** Makes something when it is first asked for, and again after it could not be made. */
const once = <T>(make: () => Promise<T>) => {
  let made: Promise<T> | undefined
  return (): Promise<T> => {
    made ??= make().catch((error) => {
      made = undefined
      throw error
    })
    return made
  }
}

/** The files that the guides link and that are no guides, such as a function's SQL. */
const linkedFiles = async (guides: readonly Guide[]): Promise<Set<string>> => {
  const files = guides.map(async (guide) => {
    const text = await readGuide(guide)
    return linksOf(text).flatMap((href) => linkedFile(guide, href) ?? [])
  })
  return new Set((await Promise.all(files)).flat())
}

/** Serves the guides as pages and as Markdown, and what they link. */
export const serveGuides = (app: FastifyInstance, guides: readonly Guide[], prefix: string): void => {
  const [first] = guides
  if (!first) return
  const folder = `${prefix}/docs/guides`
  const serve = (path: string, make: () => Promise<Document>): void => {
    const document = once(make)
    app.get(`${folder}/${path}`, async (request, reply) => {
      reply.header('content-security-policy', policy)
      return sendDocument(request, reply, await document())
    })
  }
  const pictures = once(readPictures)
  app.get(`${folder}/diagrams/:name`, async (request, reply) => {
    const { name } = request.params as { name: string }
    const picture = (await pictures()).get(name)
    if (picture === undefined) throw new Problem('route-not-found')
    reply.header('content-security-policy', picturePolicy)
    return sendDocument(request, reply, documentOf('image/svg+xml', picture))
  })
  app.get(folder, async (_request, reply) => reply.redirect(`guides/${first.slug}`))
  serve('guides.css', async () => documentOf('text/css', guideStyle))
  for (const guide of guides) {
    serve(guide.slug, async () => documentOf('text/html', await guidePage(guide, guides, await pictures())))
    serve(`${guide.slug}.md`, async () =>
      documentOf('text/markdown', resolveLinks(await readGuide(guide), guide, guides)),
    )
  }

  const files = once(() => linkedFiles(guides))
  const sendFile = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { '*': path } = request.params as { '*': string }
    if (!(await files()).has(path)) throw new Problem('route-not-found')
    const text = await readFile(new URL(path, packageRoot), 'utf8').catch(() => {
      throw new Problem('route-not-found')
    })
    return sendDocument(request, reply, documentOf('text/plain', text))
  }
  app.get(`${folder}/${filesFolder}*`, sendFile)
}
