/**
 * Generates the API files in generated/ from contracts/chat-api.yaml, and pictures of the diagrams in the guides. With --check it writes nothing and exits with 1 if a
 * file is out of date.
 */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import openapiTS, { astToString } from 'openapi-typescript'
import { diagramsFolder, diagramsIn, pictureName } from '../src/docs/diagrams.js'
import { readGuide, readGuides } from '../src/docs/guides.js'
import { apiMarkdown } from './api-markdown.js'
import { clientTable } from './client-table.js'
import { closeContract } from './closed-contract.js'
import { drawDiagram } from './draw-diagram.js'
import { interrupted } from './interrupted.js'
import { type Contract, operationTable } from './operation-table.js'
import { postmanCollection } from './postman-collection.js'

const signal = interrupted()
const root = new URL('../', import.meta.url)
const source = 'contracts/chat-api.yaml'
const header = `// Made from ${source} by \`npm run generate\`. Do not edit.\n\n`

const bundle = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'colloquy-generate-'))
  try {
    const out = join(folder, 'openapi.json')
    await promisify(execFile)('node_modules/.bin/redocly', ['bundle', source, '--output', out], {
      cwd: root,
      signal,
    })
    return await readFile(out, 'utf8')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A table of the contract's operations, with a line for each. */
const tableOf = (table: Record<string, object>, comment: string): string => {
  const entries = Object.entries(table).map(([id, entry]) => `  ${id}: ${JSON.stringify(entry)},`)
  return `${header}/** ${comment} */
export const operations = {
${entries.join('\n')}
} as const
`
}

const types = async (document: string): Promise<string> =>
  header + astToString(await openapiTS(document, { alphabetize: false }))

/** The pictures of the guides' diagrams. */
const pictures = async (): Promise<Record<string, string>> => {
  const guides = await Promise.all((await readGuides()).map(readGuide))
  const diagrams = guides.flatMap(diagramsIn)
  return Object.fromEntries(
    diagrams.map((text) => [`${diagramsFolder}${pictureName(text)}`, drawDiagram(text)]),
  )
}

const generate = async (): Promise<Record<string, string>> => {
  const bundled = await bundle()
  const contract = JSON.parse(bundled) as Contract
  const closed = JSON.stringify(closeContract(contract), undefined, 2)
  return {
    'generated/openapi.json': bundled,
    'generated/contract.ts': await types(bundled),
    'generated/closed/openapi.json': `${closed}\n`,
    'generated/closed/contract.ts': await types(closed),
    'generated/api.md': apiMarkdown(JSON.parse(bundled)),
    'generated/postman.json': `${JSON.stringify(postmanCollection(JSON.parse(bundled)), undefined, 2)}\n`,
    'generated/bindings.ts': tableOf(
      operationTable(contract),
      'Every operation of the contract, by its operationId.',
    ),
    'generated/client.ts': tableOf(
      clientTable(contract),
      'How the client calls every operation of the contract, by its operationId.',
    ),
    ...(await pictures()),
  }
}

const files = await generate()
const folder = new URL(diagramsFolder, root)
const old = (await readdir(folder).catch(() => [])).filter((name) => !(`${diagramsFolder}${name}` in files))
if (process.argv.includes('--check')) {
  const drift = old.map((name) => `${diagramsFolder}${name}`)
  for (const [path, text] of Object.entries(files)) {
    const current = await readFile(new URL(path, root), 'utf8').catch(() => '')
    if (current !== text) drift.push(path)
  }
  if (drift.length > 0) {
    console.error(
      `These files differ from what the contract and the guides give; run \`npm run generate\`:\n  ${drift.join('\n  ')}`,
    )
    process.exitCode = 1
  }
} else {
  await mkdir(folder, { recursive: true })
  for (const name of old) await rm(new URL(name, folder))
  for (const [path, text] of Object.entries(files)) await writeFile(new URL(path, root), text)
  console.log(`Generated ${Object.keys(files).join(', ')}.`)
}
