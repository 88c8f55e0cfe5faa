import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { packageRoot } from '../src/root.js'
import { cloneOf, runShell, startShell } from './helpers/clone.js'
import { bundleOf, folderWith, tsconfig } from './helpers/guide.js'

const readme = await readFile(new URL('README.md', packageRoot), 'utf8')
const blocks = [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', code = '']) => ({
  language,
  code,
}))
const used = new Set<string>()

/** The one block of the README in this language that has these words. */
const block = (language: string, words: string): string => {
  const found = blocks.filter((block) => block.language === language && block.code.includes(words))
  if (found.length !== 1) throw new Error(`README.md has ${found.length} blocks (${language}) with: ${words}`)
  const [{ code } = { code: '' }] = found
  used.add(code)
  return code
}

const address = 'http://127.0.0.1:3000'
const tokenOf = (curl: string): string => /Bearer ([^']+)'/.exec(curl)?.[1] ?? ''

/** The text of a curl line without what differs each time. */
const shapeOf = (curl: string): string =>
  curl
    .replace(/http:\/\/127\.0\.0\.1:\d+/, address)
    .replace(/Bearer [^']+/, 'Bearer …')
    .trim()

/** An answer without what differs each time. */
const withoutIds = (answer: Record<string, unknown>) =>
  Object.entries(answer).map(([name, value]) => [name, name.endsWith('_id') ? 'an id' : value])

t.test('the path of a new user, as the README tells it', async (t) => {
  const clone = await cloneOf(t)
  const printed = /^curl -s (?:.*\n){1,3} {2}-d '.*'$/m
  const env = { PORT: '0' }
  const curl = await startShell(t, block('sh', 'npm start'), printed, { cwd: clone, env })
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(curl)?.[0] ?? ''
  const token = tokenOf(curl)
  /** A block for the server of this test, which has another port. */
  const here = (code: string): string => {
    if (!code.includes(address)) throw new Error(`This asks another server:\n${code}`)
    return code.replaceAll(address, url)
  }

  await t.test('the printed curl line is that of the README, and so is its answer', async (t) => {
    t.equal(shapeOf(curl), shapeOf(block('sh', 'eyJ')), 'the line')
    const answer = JSON.parse(await runShell(curl, { cwd: clone }))
    t.same(withoutIds(answer), withoutIds(JSON.parse(block('json', 'conversation_id'))), 'the answer')
  })

  await t.test('the same answer comes as a stream', async (t) => {
    const stream = await runShell(here(block('sh', 'event-stream')), { cwd: clone, env: { T: token } })
    const deltas = [...stream.matchAll(/"delta":"(.*?)"/g)].map(([, delta]) => delta)
    t.equal(deltas.join(''), 'Echo: Hello', 'with its words')
    t.match(stream, /^data: \[DONE\]$/m, 'to its end')
  })

  const folder = await folderWith(t, {
    'chat.ts': here(block('ts', 'createClient')),
    'answer.ts': `import type { components } from './chat-api'
export const textOf = ({ response }: components['schemas']['TurnAnswer']): string => response`,
    'tsconfig.json': JSON.stringify({ ...tsconfig, include: ['*'] }),
  })

  await t.test('the generated client and the example compile in strict mode', async (t) => {
    await runShell(here(block('sh', 'openapi-typescript')), { cwd: folder })
    const tsc = join(fileURLToPath(packageRoot), 'node_modules/.bin/tsc')
    const said = await runShell(tsc, { cwd: folder }).catch(({ stdout }) => stdout)
    t.equal(said, '', 'the compiler has nothing to say')
  })

  await t.test('a chat from TypeScript takes ten lines', async (t) => {
    const lines = block('ts', 'createClient').trim().split('\n')
    t.ok(lines.length <= 10, `${lines.length} lines`)
    const program = await bundleOf(folder, 'chat.ts')
    const said = await runShell(`node ${program}`, { cwd: folder, env: { T: token } })
    t.equal(said.trimEnd(), 'Echo: Hello\nEcho: And then?', 'an answer, and one as a stream')
  })

  await t.test('doctor finds nothing wrong', async (t) => {
    const said = await runShell(block('sh', 'doctor'), { cwd: clone })
    t.match(said, /PostgreSQL \d+/, 'it looks at the database')
  })

  t.same(
    blocks.filter(({ code }) => !used.has(code)).map(({ code }) => code.trim()),
    [block('tsx', 'useChat').trim(), 'npm test'],
    'no other block is left, but the lines of the example app, and the one that runs this',
  )
})
