import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { ConfigError, type Environment } from './environment.js'

/** Errors of a path where no file is: a Python environment may be a folder `.env`. */
const noFile = new Set(['ENOENT', 'EISDIR', 'ENOTDIR'])

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (noFile.has(code)) return ''
    throw new ConfigError(`${path} cannot be read (${code}).`)
  }
}

export interface MergedEnvironment {
  env: Environment
  /** the variables whose values come from the file */
  fromFile: string[]
}

/**
 * The environment, and in development what a file `.env` in `folder` has beside it; variables of the environment win, empty
 * ones too. Throws ConfigError.
 */
export const withEnvironmentFile = (env: Environment, folder: string): MergedEnvironment => {
  if (env.NODE_ENV?.trim() === 'production') return { env, fromFile: [] }
  const path = join(folder, '.env')
  // As Node's own --env-file reads it.
  const { NODE_ENV, ...file } = parseEnv(read(path))
  if (NODE_ENV === 'production' && env.NODE_ENV === undefined) {
    throw new ConfigError(
      `${path} sets NODE_ENV=production, but it is read in development only: set that and the other variables in the environment itself.`,
    )
  }
  const fromFile = Object.keys(file).filter((name) => env[name] === undefined)
  return { env: { ...file, ...env }, fromFile }
}
