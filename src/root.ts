import { existsSync } from 'node:fs'

/** The package's own folder (file: URL with a closing slash), from src/ as from dist/src/. */
export const packageRoot: URL = (() => {
  let folder = new URL('./', import.meta.url)
  while (!existsSync(new URL('package.json', folder))) folder = new URL('../', folder)
  return folder
})()
