import { randomBytes, randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config.js'

/** For HS256. */
const bytes = 32

/** Whole before it gets its name, so that of several programs that start at once all read the same one. */
const makeSecret = async (file: string): Promise<void> => {
  const draft = `${file}.${randomUUID()}`
  await writeFile(draft, randomBytes(bytes).toString('base64url'), { mode: 0o600 })
  try {
    await link(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(draft)
  }
}

/** The development secret in the data folder, made when it is not there. */
const developmentSecret = async (dataDir: string): Promise<string> => {
  const file = join(dataDir, 'secret')
  const read = () => readFile(file, 'utf8')
  const secret = await read().catch(async (error) => {
    if (error.code !== 'ENOENT') throw error
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    await makeSecret(file)
    return read()
  })
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
