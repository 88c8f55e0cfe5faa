/**
 * Prints what the built program consists of as CycloneDX: the packages that production installs, and those that the build puts into its
 * own files. `npm sbom --omit=dev` would leave out what development needs, too.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../src/root.js'
import { interrupted } from './interrupted.js'
import { run } from './run.js'

interface Component {
  'bom-ref': string
  name: string
  properties: { name: string; value: string }[]
}
interface Dependency {
  ref: string
  dependsOn: string[]
}

const root = fileURLToPath(packageRoot)
const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8')
const refOf = (name: string, version: string): string => `${name}@${version}`

const { packages } = JSON.parse(await read('package-lock.json')) as {
  packages: Record<string, { version: string; dev?: true; optional?: true; devOptional?: true; link?: true }>
}
const refs = Object.entries(packages).flatMap(([path, { version, link, ...flags }]) => {
  const [, name] = /.*node_modules\/(.+)$/.exec(path) ?? []
  return name === undefined || link ? [] : [{ ref: refOf(name, version), path, ...flags }]
})
const installed = new Set(
  refs.filter(({ dev, optional, devOptional }) => !dev && !optional && !devOptional).map(({ ref }) => ref),
)

/** Those of fastify, and what the chat page imports. */
const findBundled = async (): Promise<Set<string>> => {
  const licenses = await read('dist/src/fastify.LICENSES.txt')
  const ofFastify = [...licenses.matchAll(/(?:^|\n---\n\n)(\S+) (\S+) \(/g)].map(
    ([, name = '', version = '']) => refOf(name, version),
  )
  const files = (await readdir(join(root, 'src/web'), { recursive: true })).filter((path) =>
    /\.tsx?$/.test(path),
  )
  const sources = await Promise.all(files.map((path) => read(join('src/web', path))))
  const imported = new Set(
    sources.flatMap((text) =>
      [...text.matchAll(/from '((?:@[\w-]+\/)?[\w-]+)/g)].map(([, name]) => `node_modules/${name}`),
    ),
  )
  const ofPage = refs.filter(({ path }) => imported.has(path)).map(({ ref }) => ref)
  return new Set([...ofFastify, ...ofPage].filter((ref) => !installed.has(ref)))
}

const args = ['sbom', '--package-lock-only', '--sbom-type=application', '--sbom-format=cyclonedx']
const sbom = JSON.parse(await run('npm', args, { cwd: root, signal: interrupted() })) as {
  metadata: { component: Component }
  components: Component[]
  dependencies: Dependency[]
}
const bundled = await findBundled()
const isIn = (ref: string): boolean => installed.has(ref) || bundled.has(ref)
const own = sbom.metadata.component
own.name = 'colloquy'
sbom.components = sbom.components.filter((component) => isIn(component['bom-ref']))
for (const component of sbom.components.filter((component) => bundled.has(component['bom-ref'])))
  component.properties = [{ name: 'cdx:npm:package:bundled', value: 'true' }]
sbom.dependencies = sbom.dependencies
  .filter(({ ref }) => isIn(ref) || ref === own['bom-ref'])
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(isIn) }))
console.log(JSON.stringify(sbom, null, 2))
