import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Config } from '../config.js'
import { persistedFile } from './persisted-file.js'

/** HS256 needs at least 256 bits. */
const SECRET_BYTES = 32

/** Reads the development secret from the data folder, or creates it. */
const developmentSecret = async (dataDir: string): Promise<string> => {
  const file = join(dataDir, 'secret')
  const secret = await persistedFile(file, () => randomBytes(SECRET_BYTES).toString('base64url'))
  if (Buffer.byteLength(secret) < SECRET_BYTES) {
    throw new Error(
      `${file} does not contain a valid secret. Delete it, and the next start creates a new one.`,
    )
  }
  return secret
}

/** The shared secret that verifies tokens, if there is one, and whether it is the development secret. */
export const openTokenSecret = async ({
  auth,
  dataDir,
  production,
}: Config): Promise<{ secret: string | undefined; isDevelopment: boolean }> => {
  if (auth.secret || auth.jwksUrl || production) return { secret: auth.secret, isDevelopment: false }
  return { secret: await developmentSecret(dataDir), isDevelopment: true }
}
