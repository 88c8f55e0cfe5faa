import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { packageRoot } from '../../src/root.js'

export type Check = (isRight: boolean, failure: string) => void

// biome-ignore lint/suspicious/noExplicitAny: manifests and packages without types; what is read of them is checked
export type Any = any

export const root = fileURLToPath(packageRoot)
export const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8')

/** Loads packages that are installed in `modules`. */
export const packagesOf =
  (modules: string) =>
  async (name: string): Promise<Any> => {
    const path = createRequire(join(modules, 'of-these.js')).resolve(name)
    const module = await import(pathToFileURL(path).href)
    return module.default ?? module
  }

export interface Pod {
  metadata: { labels: Record<string, string> }
  spec: Any
}

export interface Manifests {
  compose: Any
  fly: Any
  render: Any
  railway: Any
  /** the lines of the unit, by their key; a key may have several */
  unit: Map<string, string[]>
  kustomization: Any
  /** by file */
  kubernetes: Map<string, Any[]>
}

const folder = 'scripts/deploy'
export const composeFile = `${folder}/compose.yaml`
export const kubernetesFolder = `${folder}/kubernetes`

const linesOf = (text: string): Map<string, string[]> => {
  const lines = new Map<string, string[]>()
  for (const [, key = '', value = ''] of text.matchAll(/^(\w+)=(.*)$/gm))
    lines.set(key, [...(lines.get(key) ?? []), value])
  return lines
}

export const readManifests = async (modules: string): Promise<Manifests> => {
  const load = packagesOf(modules)
  const [yaml, toml] = await Promise.all([load('yaml'), load('smol-toml')])
  const parse = (text: string) => yaml.parse(text, { merge: true })
  const kubernetes = new Map<string, Any[]>()
  for (const file of (await readdir(join(root, kubernetesFolder))).sort()) {
    const documents = yaml.parseAllDocuments(await read(join(kubernetesFolder, file)))
    kubernetes.set(
      file,
      documents.map((document: Any) => document.toJS()),
    )
  }
  const [kustomization] = kubernetes.get('kustomization.yaml') ?? []
  kubernetes.delete('kustomization.yaml')
  return {
    compose: parse(await read(composeFile)),
    fly: toml.parse(await read(`${folder}/fly.toml`)),
    render: parse(await read(`${folder}/render.yaml`)),
    railway: JSON.parse(await read(`${folder}/railway.json`)),
    unit: linesOf(await read(`${folder}/colloquy@.service`)),
    kustomization,
    kubernetes,
  }
}
