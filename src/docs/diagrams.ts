import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { packageRoot } from '../root.js'

/** Where `npm run generate` puts the pictures of the guides' diagrams. */
export const diagramsFolder = 'generated/diagrams/'

/** The diagrams in a guide, as Mermaid's text. */
export const diagramsIn = (markdown: string): string[] =>
  [...markdown.matchAll(/^```mermaid\n(.*?)\n```$/gms)].map(([, text = '']) => text)

/** The name of a diagram's picture, which changes with its text: a page shows no picture of another one. */
export const pictureName = (text: string): string =>
  `${createHash('sha256').update(text).digest('hex').slice(0, 16)}.svg`

/** The pictures by their names; none where this program is installed without them. */
export const readPictures = async (): Promise<Map<string, string>> => {
  const folder = new URL(diagramsFolder, packageRoot)
  const names = await readdir(folder).catch(() => [])
  const pictures = names.map(async (name) => [name, await readFile(new URL(name, folder), 'utf8')] as const)
  return new Map(await Promise.all(pictures))
}
