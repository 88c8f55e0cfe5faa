import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isLocal } from './docs-page.js'

/** A file of the built page. */
export interface PageFile {
  /** from the page's own address: empty for the page itself, else such as `page/main-4J5XK2.js` */
  path: string
  content: Buffer
}

/** In development: users as whom a browser on this machine is signed in without a login. */
export interface DemoSignIn {
  kind: 'demo'
  users: readonly string[]
  signToken: (user: string) => Promise<string>
}

/** The app's Better Auth, which the page asks for a token with the browser's cookies. */
export interface AppSignIn {
  kind: 'app'
  tokenUrl: string
  /** where somebody who is signed out signs in */
  signInUrl: string
}

export interface ChatPage {
  files: readonly PageFile[]
  signIn: DemoSignIn | AppSignIn
}

const types: Record<string, string> = {
  '': 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
}

/** Nothing runs, is shown or is asked that is not the page's own, but for the app's token. */
const policyFor = (signIn: ChatPage['signIn']): string =>
  Object.entries({
    'default-src': `'none'`,
    'script-src': `'self'`,
    'style-src': `'self'`,
    'img-src': `'self'`,
    'connect-src': signIn.kind === 'app' ? `'self' ${new URL(signIn.tokenUrl).origin}` : `'self'`,
    'base-uri': `'none'`,
    'form-action': `'none'`,
    'frame-ancestors': `'none'`,
    // No text becomes markup or a script, whatever the page is made to do with it.
    'require-trusted-types-for': `'script'`,
    'trusted-types': `'none'`,
  })
    .map(([name, value]) => `${name} ${value}`)
    .join('; ')

const headersFor = (signIn: ChatPage['signIn']) => ({
  'content-security-policy': policyFor(signIn),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
})

/** A browser asks again for the page itself and what has no hash in its name, and keeps the rest. */
const cachingOf = (path: string): string =>
  /-[A-Z\d]{8}\.\w+$/.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache'

const serveFile = (app: FastifyInstance, url: string, { path, content }: PageFile, headers: object): void => {
  const compressed = gzipSync(content, { level: 9 })
  const hash = createHash('sha256').update(content).digest('base64url').slice(0, 22)
  app.get(url, async (request, reply) => {
    const isGzip = request.accepts().encoding(['gzip']) === 'gzip'
    const etag = `"${hash}${isGzip ? '-gzip' : ''}"`
    reply.headers({ ...headers, 'cache-control': cachingOf(path), vary: 'accept-encoding', etag })
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
    if (isGzip) reply.header('content-encoding', 'gzip')
    return reply.type(types[path.split('.')[1] ?? ''] ?? '').send(isGzip ? compressed : content)
  })
}

/** How the page signs in. Demo users' tokens are for this machine only, whoever else may reach the server. */
const sessionFor = async (signIn: ChatPage['signIn'], request: FastifyRequest) => {
  if (signIn.kind === 'app') return { kind: 'app', token_url: signIn.tokenUrl, sign_in_url: signIn.signInUrl }
  const users = isLocal(request) ? signIn.users : []
  const signed = users.map(async (id) => ({ id, token: await signIn.signToken(id) }))
  return { kind: 'demo', users: await Promise.all(signed) }
}

/** Serves the chat page at `/`, and its files below `/page/`. None of it needs a token; what the page asks for does. */
export const serveChatPage = (app: FastifyInstance, { files, signIn }: ChatPage, prefix: string): void => {
  const headers = headersFor(signIn)
  for (const file of files) serveFile(app, `${prefix}/${file.path}`, file, headers)
  app.get(`${prefix}/page/session.json`, async (request, reply: FastifyReply) =>
    reply
      .headers(headers)
      .type('application/json; charset=utf-8')
      .send(JSON.stringify(await sessionFor(signIn, request))),
  )
}
