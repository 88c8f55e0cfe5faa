import { ColloquyError } from './problem.js'

/** What is needed of Better Auth's client: `createAuthClient({ plugins: [jwtClient()] })`. */
export interface BetterAuthClient {
  token(): Promise<{
    data: { token: string } | null
    error: { status: number; message?: string | undefined } | null
  }>
  /** tells of every sign-in and sign-out */
  $store?: { listen(signal: string, listener: () => void): unknown }
}

/** A token is renewed when a fifth of its life is left, or a minute of a long one. */
const LEFT_SHARE = 0.2
const LEFT_MS = 60_000

interface Claims {
  sub?: unknown
  iat?: number
  exp?: number
}

/** What a token says, unverified; nothing of one that is no JWT. */
const claimsOf = (token: string): Claims => {
  try {
    const [, payload = ''] = token.split('.')
    return JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) ?? {}
  } catch {
    return {}
  }
}

/** The user whose token it is, for `userId`; undefined when it does not say. The server verifies it. */
export const subjectOf = (token: string): string | undefined => {
  const { sub } = claimsOf(token)
  return typeof sub === 'string' && sub !== '' ? sub : undefined
}

/** For how long a token that has just come may be used; 0 when it does not say. */
const lifetimeOf = (token: string): number => {
  const { iat, exp = 0 } = claimsOf(token)
  // By the server's clock alone, since the one of this machine may be wrong.
  const ms = (exp - (iat ?? Date.now() / 1000)) * 1000
  return ms - Math.min(LEFT_MS, ms * LEFT_SHARE) || 0
}

/**
 * Makes the `token` of a client from Better Auth's client. It keeps the token until shortly before its end, asks once for all requests
 * that need one at the same time, and forgets it when somebody signs in or out. It throws a ColloquyError with the code `signed-out`
 * when nobody is signed in.
 */
export const createBetterAuthToken = (authClient: BetterAuthClient) => {
  let cached: { token: string; until: number } | undefined
  let asking: Promise<string> | undefined

  const ask = async (): Promise<string> => {
    const { data, error } = await authClient.token()
    if (error && error.status !== 401 && error.status !== 403) {
      const why = error.message || error.status
      throw new ColloquyError(`Better Auth gave no token: ${why}`, { code: 'no-token', cause: error })
    }
    if (!data?.token) throw new ColloquyError('Nobody is signed in.', { code: 'signed-out', cause: error })
    return data.token
  }

  const askOnce = (): Promise<string> => {
    if (asking) return asking
    const mine = ask()
    asking = mine
    const settle = (token?: string) => {
      // What was asked for before somebody signed in or out counts no more.
      if (asking !== mine) return
      asking = undefined
      if (token !== undefined) cached = { token, until: performance.now() + lifetimeOf(token) }
    }
    mine.then(settle, () => settle())
    return mine
  }

  authClient.$store?.listen('$sessionSignal', () => {
    cached = undefined
    asking = undefined
  })

  return async ({ refresh = false }: { refresh?: boolean } = {}): Promise<string> => {
    if (refresh) cached = undefined
    return cached && performance.now() < cached.until ? cached.token : askOnce()
  }
}
