import { readFile } from 'node:fs/promises'
import t from 'tap'
import { type ReleaseFiles, release, releasePaths } from '../../scripts/release-files.js'
import { packageRoot } from '../../src/root.js'

const read = (path: string): Promise<string> => readFile(new URL(path, packageRoot), 'utf8')
const texts = await Promise.all(releasePaths.map(async (path) => [path, await read(path)]))
const files: ReleaseFiles = {
  ...(Object.fromEntries(texts) as ReleaseFiles),
  // Right after a release the real one has nothing that is unreleased.
  'CHANGELOG.md':
    '# Changelog\n\n## Unreleased\n\n### Added\n- something\n\n## 0.0.1 - 2030-01-01\n\n### Added\n- all\n',
}
const { version } = JSON.parse(await read('package.json'))

const versionsOf = (changed: ReleaseFiles) => {
  const lock = JSON.parse(changed['package-lock.json'])
  return {
    contract: /^ {2}version: (.*)$/m.exec(changed['contracts/chat-api.yaml'])?.[1],
    lockedClient: lock.packages['src/client'].version,
    client: JSON.parse(changed['src/client/package.json']).version,
  }
}

/** The lines that only one of two texts has. */
const changedLines = (before: string, after: string): string[] => {
  const [a, b] = [before.split('\n'), after.split('\n')]
  return [...a.filter((line) => !b.includes(line)), ...b.filter((line) => !a.includes(line))]
}

t.test('the server, the client and their lock have one version', async (t) => {
  const { client, lockedClient } = versionsOf(files)
  t.same({ client, lockedClient }, { client: version, lockedClient: version }, 'that of the server')
})

t.test('a release gives them and the contract its version, and dates the changelog', async (t) => {
  const changed = release(files, '7.8.9', '2031-02-03')
  t.same(versionsOf(changed), { contract: '7.8.9', lockedClient: '7.8.9', client: '7.8.9' }, 'one version')
  t.same(
    changedLines(files['contracts/chat-api.yaml'], changed['contracts/chat-api.yaml']).length,
    2,
    'one line of the contract is another',
  )
  t.match(
    changed['CHANGELOG.md'],
    /^## Unreleased\n\n## 7\.8\.9 - 2031-02-03\n\n### Added\n- something\n/m,
    'the section has a name',
  )
  t.throws(
    () => release(changed, '7.9.0', '2031-02-04'),
    /nothing under "## Unreleased"/,
    'there is nothing to release a second time',
  )
})

t.test('a contract that has broken clients is not released as a version that breaks none', async (t) => {
  const broken = { ...files, 'contracts/chat-api.yaml': 'info:\n  version: 3.10.0\n' }
  for (const [next, isTaken] of [
    ['3.9.9', false],
    ['2.11.0', false],
    ['3.10.0', true],
    ['3.10.1', true],
    ['4.0.0-rc.1', true],
  ] as const) {
    if (isTaken) t.equal(versionsOf(release(broken, next, '2031-02-03')).contract, next, `${next} is taken`)
    else t.throws(() => release(broken, next, '2031-02-03'), /is at 3\.10\.0 already/, `${next} is refused`)
  }
})

t.test('a tag is published after .ci/run, with provenance', async (t) => {
  const ci = await read('.github/workflows/ci.yml')
  const publish = await read('.github/workflows/publish.yml')
  t.match(ci, /^ +- run: \.ci\/run$/m, 'ci runs .ci/run')
  t.match(ci, /^ {2}workflow_call:$/m, 'and can be called')
  t.match(publish, /uses: \.\/\.github\/workflows\/ci\.yml[\s\S]+needs: ci\n/, 'publish waits for it')
  t.match(publish, /^ +id-token: write$/m, 'it may identify itself')
  t.match(publish, /^permissions: \{\}$/m, 'and nothing else is allowed unless it is told')
  const published = [...publish.matchAll(/\|\| (npm publish .*)$/gm)].map(([, command]) => command)
  t.same(
    published,
    ['npm publish --provenance --access public ./src/client', 'npm publish --provenance --access public'],
    'both packages, with provenance',
  )
})
