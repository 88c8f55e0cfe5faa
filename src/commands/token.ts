import { SignJWT } from 'jose'
import type { Config } from '../config.js'
import { ConfigError } from '../environment.js'
import { openTokenSecret } from './token-secret.js'

/** Signs an HS256 login token for a user, valid for `seconds` from now. */
export const signLoginToken = (
  { auth }: Config,
  secret: string,
  user: string,
  seconds: number,
): Promise<string> => {
  const now = Math.floor(Date.now() / 1000)
  const jwt = new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).setSubject(user)
  if (auth.sharedIssuer) jwt.setIssuer(auth.sharedIssuer)
  if (auth.sharedAudience) jwt.setAudience(auth.sharedAudience)
  return jwt
    .setIssuedAt(now)
    .setExpirationTime(now + seconds)
    .sign(new TextEncoder().encode(secret))
}

/** `colloquy token --user <id>`: prints a login token, for development. */
export const printToken = async (config: Config, user: string, seconds: number): Promise<void> => {
  const { secret } = await openTokenSecret(config)
  if (!secret) {
    throw new ConfigError(
      'BETTER_AUTH_SECRET must be set to sign tokens here; with published keys only your app’s login can sign them.',
    )
  }
  console.log(await signLoginToken(config, secret, user, seconds))
}
