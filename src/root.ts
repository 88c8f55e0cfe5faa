import { existsSync } from 'node:fs'

/** The package's folder as a file: URL with a trailing slash, found from src/ and from dist/src/ alike. */
export const packageRoot: URL = (() => {
  let folder = new URL('./', import.meta.url)
  while (!existsSync(new URL('package.json', folder))) folder = new URL('../', folder)
  return folder
})()
