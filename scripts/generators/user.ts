import { SignJWT } from 'jose'
import { secret } from '../bench/user.js'

/** A token that the server of server.ts accepts. */
export const tokenOf = (user: string): Promise<string> =>
  new SignJWT({})
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret))
