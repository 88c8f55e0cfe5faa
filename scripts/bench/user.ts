import { randomBytes } from 'node:crypto'
import { SignJWT } from 'jose'

/** The shared secret of this run's servers. */
export const secret = randomBytes(32).toString('base64url')

/** A realistic message of 200 characters. */
export const message = 'Could you tell me, in a few words, what is left to do today? '.repeat(4).slice(0, 200)

export interface Call {
  method: 'GET' | 'POST'
  path: string
  headers: Record<string, string>
  body?: string
}

/** Builds a user's requests. */
export const callsOf = async (user: string) => {
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setIssuedAt()
    .setExpirationTime('25h')
    .sign(new TextEncoder().encode(secret))
  const headers = { authorization: `Bearer ${token}` }
  return {
    get: (path: string): Call => ({ method: 'GET', path: `/api/${user}${path}`, headers }),
    /** A turn, by default in a new conversation. */
    chat: (conversation_id?: string): Call => ({
      method: 'POST',
      path: `/api/${user}/chat`,
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ conversation_id, message }),
    }),
  }
}
