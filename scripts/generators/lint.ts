import { cp, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../../src/root.js'
import { run } from '../run.js'

const root = fileURLToPath(packageRoot)
const contract = 'contracts/chat-api.yaml'

/** Spectral looks for a ruleset's packages beside the ruleset. */
const spectralFolder = async (folder: string, modules: string): Promise<string> => {
  const place = join(folder, 'spectral')
  await mkdir(place)
  for (const file of ['.spectral.yaml', contract]) await cp(join(root, file), join(place, file))
  await symlink(modules, join(place, 'node_modules'))
  return place
}

/** What each linter finds in the contract; nothing is right. */
export const lintContract = async (folder: string, modules: string, signal: AbortSignal) => {
  const findings = (cwd: string, program: string, args: string[]): Promise<string> =>
    run(process.execPath, [program, 'lint', ...args], { cwd, signal }).then(
      () => '',
      (error: Error) => error.message,
    )
  const redocly = join(root, 'node_modules/.bin/redocly')
  const spectral = join(modules, '.bin/spectral')
  const place = await spectralFolder(folder, modules)
  const strict = ['--fail-severity=hint', '--ruleset=.spectral.yaml', contract]
  return [
    { name: 'redocly, recommended-strict', findings: await findings(root, redocly, []) },
    { name: 'spectral, oas and OWASP', findings: await findings(place, spectral, strict) },
  ]
}
