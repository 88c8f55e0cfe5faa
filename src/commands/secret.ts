import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Config } from '../config.js'
import { keptFile } from './persisted-file.js'

/** For HS256. */
const bytes = 32

/** The development secret in the data folder, made when it is not there. */
const developmentSecret = async (dataDir: string): Promise<string> => {
  const file = join(dataDir, 'secret')
  const secret = await keptFile(file, () => randomBytes(bytes).toString('base64url'))
  if (Buffer.byteLength(secret) < bytes) {
    throw new Error(`${file} holds no secret: remove it, and the next start makes a new one.`)
  }
  return secret
}

/** The secret that tokens are signed with, and whether it is only the development one. */
export const openSecret = async ({
  auth,
  dataDir,
  production,
}: Config): Promise<{ secret: string | undefined; isDevelopment: boolean }> => {
  if (auth.secret || auth.jwksUrl || production) return { secret: auth.secret, isDevelopment: false }
  return { secret: await developmentSecret(dataDir), isDevelopment: true }
}
