import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { betterAuth as createAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { toNodeHandler } from 'better-auth/node'
import { type JWKOptions, jwt } from 'better-auth/plugins'
import { SignJWT } from 'jose'
import type { Test } from 'tap'

export interface BetterAuth {
  /** the app's base URL; also the issuer and the audience of its tokens */
  url: string
  jwksUrl: string
  /** A new user signs up, logs in and asks for a token. */
  signUp(): Promise<{ id: string; token: string }>
  /** The next token comes with a new key; the old one stays published unless it is dropped. */
  rotate(old?: 'kept' | 'dropped'): void
  /** how often the key set was asked for */
  fetches(): number
  close(): Promise<void>
}

interface BetterAuthOptions {
  alg?: 'EdDSA' | 'ES256' | 'RS256'
  /** signs with this in place of keys of its own, by the jwt plugin's `sign` */
  secret?: () => string
  /** how long a token lives; 15 minutes by default */
  lifetime?: string
  /** what else the app does with a request; true when it has answered it */
  serve?: (request: IncomingMessage, response: ServerResponse) => boolean
}

/** The options of a jwt plugin that signs with a shared secret. It wants to know where keys would be, even so. */
const sharedSecret = (url: string, secret: () => string) => ({
  jwks: { remoteUrl: `${url}/none`, keyPairConfig: { alg: 'HS256' } as never },
  sign: (payload: Record<string, unknown>) =>
    new SignJWT(payload).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(secret())),
})

/** A real Better Auth server with its jwt plugin, on a port of its own. */
export const betterAuth = async (
  t: Pick<Test, 'teardown'>,
  { alg = 'EdDSA', secret, lifetime = '15m', serve = () => false }: BetterAuthOptions = {},
): Promise<BetterAuth> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const jwksUrl = `${url}/api/auth/jwks`

  const tables: Record<string, { expiresAt?: Date }[]> & { jwks: { expiresAt?: Date }[] } = {
    user: [],
    session: [],
    account: [],
    verification: [],
    jwks: [],
  }
  const keyPairConfig: JWKOptions = { alg }
  const shared = secret && sharedSecret(url, secret)
  const auth = createAuth({
    baseURL: url,
    secret: randomUUID(),
    database: memoryAdapter(tables),
    emailAndPassword: { enabled: true },
    plugins: [
      jwt({
        jwks: shared?.jwks ?? { keyPairConfig },
        jwt: { expirationTime: lifetime, ...(shared && { sign: shared.sign }) },
      }),
    ],
    logger: { disabled: true },
    telemetry: { enabled: false },
  })

  let fetches = 0
  const handle = toNodeHandler(auth)
  server.on('request', (request, response) => {
    if (request.url === '/api/auth/jwks') fetches += 1
    if (!serve(request, response)) void handle(request, response)
  })

  const call = async (path: string, init: RequestInit): Promise<{ body: unknown; cookie: string }> => {
    const response = await fetch(`${url}/api/auth${path}`, init)
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
    const cookie = response.headers.getSetCookie().map((line) => line.split(';')[0])
    return { body: await response.json(), cookie: cookie.join('; ') }
  }
  const post = (path: string, body: object) =>
    call(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: url },
      body: JSON.stringify(body),
    })

  const close = async () => {
    if (!server.listening) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  t.teardown(close)

  return {
    url,
    jwksUrl,
    async signUp() {
      const login = { email: `${randomUUID()}@example.com`, password: randomUUID() }
      await post('/sign-up/email', { ...login, name: 'Ann Example' })
      const { body, cookie } = await post('/sign-in/email', login)
      const { token } = (await call('/token', { headers: { cookie } })).body as { token: string }
      return { id: (body as { user: { id: string } }).user.id, token }
    },
    rotate(old = 'kept') {
      // An expired key signs no more, but stays published through the plugin's grace period of 30 days.
      for (const key of tables.jwks) key.expiresAt = new Date(Date.now() - 1000)
      if (old === 'dropped') tables.jwks = []
    },
    fetches: () => fetches,
    close,
  }
}
