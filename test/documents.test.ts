import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import { promisify } from 'node:util'
import { runInThisContext } from 'node:vm'
import GithubSlugger from 'github-slugger'
import { Window } from 'happy-dom'
import t from 'tap'
import { catalogue } from '../src/problem-catalogue.js'
import { packageRoot } from '../src/root.js'
import { markdownLinks } from './helpers/markdown-links.js'

const folders = ['contracts', 'src', 'sql', 'scripts', 'test']
const read = (path: string): Promise<string> => readFile(new URL(path, packageRoot), 'utf8')

const inFolder = async (folder: string): Promise<string[]> => {
  const paths = await readdir(new URL(`${folder}/`, packageRoot), { recursive: true })
  return paths
    .filter((path) => path.endsWith('.md') && !path.includes('node_modules/'))
    .map((path) => join(folder, path))
}
const paths = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...(await Promise.all(folders.map(inFolder))).flat(),
]
const documents = new Map(await Promise.all(paths.map(async (path) => [path, await read(path)] as const)))

const withoutCode = (text: string): string => text.replace(/^```.*?^```/gms, '')

/** The anchors that GitHub gives the headings. */
const anchorsOf = (text: string): string[] => {
  const slugger = new GithubSlugger()
  return [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => slugger.slug(heading))
}

/** The relative links of a document, their targets as paths from the root. */
const relativeLinks = (path: string) =>
  markdownLinks(documents.get(path) ?? '')
    .filter((link) => !/^(https?|mailto):/.test(link))
    .map((link) => {
      const [file = '', anchor] = link.split('#')
      return { link, target: file === '' ? path : normalize(join(dirname(path), file)), anchor }
    })

/** The names in code that stand in the first cells of the tables, in every document but the bench's results. */
const guides = [...documents].filter(([path]) => !path.startsWith('scripts/bench/results/'))
const tableNames = guides.flatMap(([path, text]) =>
  [...text.matchAll(/^\|([^|\n]+)\|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => ({ path, name })),
  ),
)
const rowsOf = (name: string): string[] =>
  tableNames.filter((row) => row.name === name).map(({ path }) => path)

t.test('every relative link leads to a file, and to a heading of it', async (t) => {
  for (const path of paths) {
    for (const { link, target, anchor } of relativeLinks(path)) {
      t.ok(existsSync(new URL(target, packageRoot)), `${path}: ${link}`)
      if (anchor) t.ok(anchorsOf(await read(target)).includes(anchor), `${path}: ${link} has its heading`)
    }
  }
})

/** Mermaid's parser, which wants a document to be there. */
const loadMermaid = async (): Promise<{ parse(text: string): Promise<unknown> }> => {
  const window = new Window()
  const { document, DOMParser, Element, Node, DocumentFragment, NodeFilter } = window
  Object.assign(globalThis, { window, document, DOMParser, Element, Node, DocumentFragment, NodeFilter })
  const path = createRequire(import.meta.url).resolve('@mermaid-js/tiny')
  runInThisContext(await readFile(path, 'utf8'))
  return (globalThis as unknown as { mermaid: { parse(text: string): Promise<unknown> } }).mermaid
}

t.test('every diagram is one that mermaid draws', async (t) => {
  const mermaid = await loadMermaid()
  const diagrams = [...documents].flatMap(([path, text]) =>
    [...text.matchAll(/^```mermaid\n(.*?)^```$/gms)].map(([, diagram = '']) => ({ path, diagram })),
  )
  t.ok(diagrams.length >= 3, `${diagrams.length} diagrams`)
  for (const { path, diagram } of diagrams)
    await t.resolves(mermaid.parse(diagram), `${path}: ${diagram.split('\n', 1)[0]}`)
  await t.rejects(mermaid.parse('sequenceDiagram\n  A ->-> B'), 'and no other')
})

t.test('every guide is linked from the README, and published with it', async (t) => {
  const linked = new Set(relativeLinks('README.md').map(({ target }) => target))
  for (const path of paths.filter((path) => path.endsWith('/README.md'))) t.ok(linked.has(path), path)

  const pack = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const { stdout } = await promisify(execFile)('npm', pack, { cwd: packageRoot })
  const published: string[] = JSON.parse(stdout)[0].files.map(({ path }: { path: string }) => path)
  for (const path of published.filter((path) => documents.has(path))) {
    for (const { link, target } of relativeLinks(path))
      t.ok(published.includes(target), `${path}: ${link} is published`)
  }
})

t.test('the lines of React in the guides are those of the example app', async (t) => {
  const folder = 'test/examples/next/app/chat/'
  const names = (await readdir(new URL(folder, packageRoot))).filter((name) => /\.tsx?$/.test(name))
  const files = await Promise.all(names.map((name) => read(folder + name)))
  for (const path of ['README.md', 'src/client/README.md']) {
    const blocks = [...(documents.get(path) ?? '').matchAll(/^```tsx?\n(.*?)^```$/gms)]
      .map(([, block = '']) => block.replace(/^\/\/ [\w-]+\.tsx?\n/, ''))
      .filter((block) => /react/.test(block))
    t.ok(blocks.length > 0, `${path} has lines of React`)
    for (const block of blocks) {
      // What a guide leaves out stands there as an ellipsis.
      const pieces = block.split(/^ *\/\/ …\n/m)
      const isThere = (file: string) => pieces.every((piece) => `\n${file}`.includes(`\n${piece}`))
      t.ok(files.some(isThere), `${path}: ${block.split('\n', 1)[0]} … stands in a file of the example`)
    }
  }
})

t.test('the README is short: below 200 lines of at most 120 characters', async (t) => {
  const lines = (documents.get('README.md') ?? '').trimEnd().split('\n')
  t.ok(lines.length < 200, `${lines.length} lines`)
  t.same(
    lines.filter((line) => [...line].length > 120),
    [],
    'no line is longer',
  )
})

t.test('every variable has one row in one table', async (t) => {
  const sources = await Promise.all(['src/config.ts', 'src/config-tools.ts'].map(read))
  const { providers } = await import('../src/models/providers.js')
  const variables = new Set([
    ...sources.flatMap((text) => [...text.matchAll(/\('([A-Z][A-Z0-9_]+)'/g)].map(([, name = '']) => name)),
    ...Object.values(providers).flatMap(({ keyVariable, urlVariable }) => [keyVariable, urlVariable]),
  ])
  t.ok(variables.has('PORT') && variables.has('CHAT_MCP_CONFIG'), 'variables are found in the source')
  for (const name of variables) t.same(rowsOf(name), ['src/commands/README.md'], name)
})

t.test('every problem code has one row in one table', async (t) => {
  for (const code of Object.keys(catalogue)) t.equal(rowsOf(code).length, 1, code)
})

t.test('every command has one row in one table', async (t) => {
  const commands = [...(await read('src/main.ts')).matchAll(/case '(\w+)':/g)].map(([, name = '']) => name)
  t.ok(commands.includes('serve'), 'commands are found in the source')
  for (const name of commands) {
    const rows = tableNames.filter((row) => row.name.split(' ', 2).join(' ') === `colloquy ${name}`)
    t.same(
      rows.map(({ path }) => path),
      ['src/commands/README.md'],
      name,
    )
  }

  const scripts = Object.keys(JSON.parse(await read('package.json')).scripts)
  for (const name of scripts.filter(
    (name) => !['start', 'colloquy', 'prepack', 'version', 'test', 'format'].includes(name),
  )) {
    t.equal(rowsOf(`npm run ${name}`).length, 1, name)
  }
})

t.test('the files that CONTRIBUTING names exist, and the walk enters at most ten, none twice', async (t) => {
  const text = documents.get('CONTRIBUTING.md') ?? ''
  const [, walk = ''] = /\*\*The walk\*\*(.*?)\n\n/s.exec(text) ?? []
  const entered = [...walk.matchAll(/`([a-z/-]+\/[a-z-]+)`/g)].map(([, file = '']) => file)
  t.ok(entered.length > 5 && entered.length <= 10, `${entered.length} files`)
  t.equal(new Set(entered).size, entered.length, 'none twice')
  for (const file of entered) t.ok(existsSync(new URL(`src/${file}.ts`, packageRoot)), file)

  const named = [...text.matchAll(/`((?:contracts|generated|scripts|sql|src|test)\/[\w./-]+\.\w+)`/g)]
  for (const [, file = ''] of named) t.ok(existsSync(new URL(file, packageRoot)), file)
})

t.test('every dependency has its reason', async (t) => {
  const { dependencies, optionalDependencies, devDependencies } = JSON.parse(await read('package.json'))
  const [, table = ''] = (documents.get('CONTRIBUTING.md') ?? '').split('| package | why |')
  const explained = [...table.matchAll(/^\|([^|]+)\|/gm)].flatMap(([, cell = '']) =>
    cell.trim().split(/, | /),
  )
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...devDependencies })) {
    if (!name.startsWith('@types/')) t.ok(explained.includes(name), name)
  }
})
