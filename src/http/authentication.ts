import fastifyJwt, { type TokenOrHeader } from '@fastify/jwt'
import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify'
import { Problem } from '../problems.js'
import type { Caller } from './handler.js'
import {
  bearerToken,
  type ClaimRules,
  type DecodedJwt,
  findClaimError,
  invalidToken,
  Unauthenticated,
} from './jwt.js'
import type { KeySet } from './key-set.js'
import { toLogText, toLogTexts } from './log-text.js'
import { keyId } from './public-keys.js'
import { createDetailLimiter } from './refusal.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** the authenticated user; null until a token was verified */
    caller: Caller | null
  }
}

declare module '@fastify/jwt' {
  interface FastifyJWT {
    payload: { sub: string } & Record<string, unknown>
    user: Caller
  }
}

export interface AuthenticationOptions {
  /** HS256 with a secret that the app shares; issuer and audience are checked if given */
  shared?: { secret: string; issuer?: string | undefined; audience?: string | undefined } | undefined
  /** EdDSA, ES256 and RS256 with the keys that the app publishes */
  published?: { keys: KeySet; issuer: string; audience: string } | undefined
  isUserId: ClaimRules['isUserId']
  /** the names of the claims that `request.caller` keeps */
  claims?: readonly string[] | undefined
  /** milliseconds since 1970 */
  now?: (() => number) | undefined
}

type AuthenticationHook = (request: FastifyRequest) => Promise<void>

interface AlgorithmVerifier {
  rules: ClaimRules
  key: (header: DecodedJwt['header']) => Promise<string | undefined>
}

/** The verifier of each algorithm. Tokens with any other algorithm are rejected. */
const createVerifiers = ({
  shared,
  published,
  isUserId,
}: AuthenticationOptions): Map<unknown, AlgorithmVerifier> => {
  const verifiers = new Map<unknown, AlgorithmVerifier>()
  if (shared) {
    const { secret, ...rules } = shared
    verifiers.set('HS256', { rules: { ...rules, isUserId }, key: async () => secret })
  }
  if (published) {
    const { keys, ...rules } = published
    for (const alg of ['EdDSA', 'ES256', 'RS256'])
      verifiers.set(alg, {
        rules: { ...rules, isUserId },
        key: async ({ kid }) => (typeof kid === 'string' ? keys(alg, kid) : undefined),
      })
  }
  return verifiers
}

const isTokenError = (error: unknown): error is Error & { code: string } =>
  error instanceof Error && 'code' in error && /^(FST|FAST)_JWT_/.test(String(error.code))

/**
 * Registers @fastify/jwt and returns the `onRequest` hook that sets `request.caller`, or throws `unauthenticated` or
 * `keys-unavailable`.
 */
export const registerAuthentication = (
  app: FastifyInstance,
  options: AuthenticationOptions,
): AuthenticationHook => {
  const { now = Date.now, claims = [] } = options
  const limitDetails = createDetailLimiter()
  const verifiers = createVerifiers(options)

  // Cheap checks first: a bad claim needs no key, and an unknown key no signature check.
  const findVerificationKey = async ({ header, payload }: DecodedJwt): Promise<string> => {
    const verifier = verifiers.get(header.alg)
    if (!verifier)
      throw invalidToken('alg', {
        expected: [...verifiers.keys()].map(toLogText),
        received: toLogText(header.alg),
      })
    if ('crit' in header) throw invalidToken('crit')
    const claimError = findClaimError(payload, verifier.rules, now())
    if (claimError !== undefined) throw new Unauthenticated(claimError)
    const key = await verifier.key(header)
    if (key === undefined)
      throw invalidToken('kid', {
        expected: toLogTexts(options.published?.keys.ids() ?? []),
        received: toLogText(
          typeof header.kid === 'string' ? keyId(String(header.alg), header.kid) : header.kid,
        ),
      })
    return key
  }

  app.decorateRequest('refusal', null)
  app.register(fastifyJwt, {
    // `complete` makes it a DecodedJwt: header and payload.
    decode: { complete: true },
    // Only `public`: this server signs nothing.
    secret: {
      public: async (_request: FastifyRequest, token: TokenOrHeader) =>
        findVerificationKey(token as DecodedJwt),
    },
    decoratorName: 'caller',
    formatUser: ({ sub, ...payload }) => ({
      id: sub,
      expiresAt: Number(payload.exp) * 1_000,
      ...(claims.length > 0 && {
        claims: Object.fromEntries(
          claims.flatMap((name) => (name in payload ? [[name, payload[name]]] : [])),
        ),
      }),
    }),
    verify: {
      extractToken: ({ headers }) => bearerToken(headers.authorization),
      algorithms: ['HS256', 'EdDSA', 'ES256', 'RS256'],
      // `findClaimError` has checked the times, more strictly and by the injected clock.
      ignoreExpiration: true,
      ignoreNotBefore: true,
    },
  })

  return async (request) => {
    try {
      await request.jwtVerify()
    } catch (error) {
      // Only our reasons and the library's codes are logged: its messages may quote the token.
      const problem = isTokenError(error) ? invalidToken(error.code) : error
      if (problem instanceof Unauthenticated) request.refusal = limitDetails(problem.refusal)
      throw problem
    }
  }
}

/** The next `onRequest` hook: callers may access only the paths of their own `user_id`. */
export const authorize: onRequestHookHandler = ({ caller, params }, _reply, done) => {
  const { user_id } = params as { user_id?: unknown }
  if (caller === null || caller.id !== user_id) throw new Problem('forbidden')
  done()
}
