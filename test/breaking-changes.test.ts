import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { breakingChanges, releaseFaults } from '../scripts/breaking-changes.js'
import { packageRoot } from '../src/root.js'
import { testFolder } from './helpers/cluster.js'

const file = (name: string): string => fileURLToPath(new URL(name, packageRoot))
const released = file('contracts/released.json')
const current = file('generated/openapi.json')
type Document = ReturnType<typeof JSON.parse>
const read = async (path: string): Promise<Document> => JSON.parse(await readFile(path, 'utf8'))

t.test('the contract breaks no client of the last release, or says so', async (t) => {
  const changes = await breakingChanges(released, current)
  const [{ info: from }, { info: to }] = [await read(released), await read(current)]
  const changelog = await readFile(file('CHANGELOG.md'), 'utf8')
  t.same(
    releaseFaults({ changes, from: from.version, to: to.version, changelog }),
    [],
    'every breaking change has a version and a line',
  )
})

const createTurn = (document: Document) => document.paths['/api/{user_id}/chat'].post
const schemas = (document: Document) => document.components.schemas

/** Changes that break somebody. */
const breakages: [what: string, change: (document: Document) => void, path?: string][] = [
  ['an operation goes', (d) => delete d.paths['/api/{user_id}/models'], '/api/{user_id}/models'],
  ['a method goes', (d) => delete d.paths['/api/{user_id}/conversations/{conversation_id}'].patch],
  ['a field of a response goes', (d) => delete schemas(d).Turn.properties.attempt],
  [
    'a field of a response may be absent',
    (d) => schemas(d).Turn.required.splice(schemas(d).Turn.required.indexOf('usage'), 1),
  ],
  ['a field of a response is of another type', (d) => (schemas(d).Turn.properties.attempt.type = 'string')],
  ['a field of a request becomes necessary', (d) => (schemas(d).TurnRequest.required = ['conversation_id'])],
  ['a field of a request goes', (d) => delete schemas(d).TurnRequest.properties.model],
  ['a text may be no longer as long', (d) => (schemas(d).TurnRequest.properties.message.maxLength = 100)],
  [
    'a header becomes necessary',
    (d) =>
      createTurn(d).parameters.push({
        name: 'X-New',
        in: 'header',
        required: true,
        schema: { type: 'string' },
      }),
  ],
  ['a media type goes', (d) => delete createTurn(d).responses['200'].content['text/event-stream']],
  ['a status goes', (d) => delete createTurn(d).responses['200']],
]

t.test('each change that breaks somebody is seen', async (t) => {
  const folder = await testFolder(t)
  for (const [n, [what, change]] of breakages.entries()) {
    const document = await read(released)
    change(document)
    const path = join(folder, `${n}.json`)
    await writeFile(path, JSON.stringify(document))
    const changes = await breakingChanges(released, path)
    const faults = (to: string, changelog: string) =>
      releaseFaults({ changes, from: document.info.version, to, changelog })
    const { version } = document.info
    const next = version.replace(/^(\d+)\.(\d+)/, (_: string, major: string, minor: string) =>
      major === '0' ? `0.${Number(minor) + 1}` : `${Number(major) + 1}.0`,
    )
    const paths = changes.map(({ path }) => `- ${path} is another\n`).join('')
    t.ok(faults(version, '').length > 0, `${what}: refused without another version`)
    t.ok(faults(next, '## Unreleased\n\n### Added\n- x\n').length > 0, `${what}: refused without a line`)
    t.same(
      faults(next, `## Unreleased\n\n### Breaking\n${paths}\n## 0.0.1\n`),
      [],
      `${what}: taken with both`,
    )
  }
})
