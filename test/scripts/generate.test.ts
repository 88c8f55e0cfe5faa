import { execFile } from 'node:child_process'
import { appendFile, cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { packageRoot } from '../../src/root.js'

const root = fileURLToPath(packageRoot)

t.test('--check passes on the committed files and names the one that differs', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'colloquy-generate-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  for (const part of [
    'contracts',
    'generated',
    'scripts',
    'src',
    'README.md',
    'package.json',
    'redocly.yaml',
    'tsconfig.json',
  ]) {
    await cp(join(root, part), join(folder, part), { recursive: true })
  }
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  const check = () =>
    promisify(execFile)(process.execPath, ['--import', 'tsx', 'scripts/generate.ts', '--check'], {
      cwd: folder,
    })

  await t.resolves(check(), 'the committed files are what the contract gives')
  await appendFile(join(folder, 'generated/bindings.ts'), '\n')
  await t.rejects(
    check(),
    { code: 1, stderr: /generated\/bindings\.ts/ },
    'a changed file fails the check and is named',
  )
})
