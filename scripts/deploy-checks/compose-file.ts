import { join } from 'node:path'
import { type Any, type Check, composeFile, packagesOf, root } from './files.js'

/** Rules of the linter about order, and one against an image that is built where nobody has made it. */
const composeRules = {
  'no-build-and-image': 0,
  'service-keys-order': 0,
  'services-alphabetical-order': 0,
  'top-level-properties-order': 0,
}

/** By the compose specification's own schema, which the linter has, and by its rules. */
export const checkComposeFile = async (modules: string, check: Check): Promise<void> => {
  const { DCLinter } = await packagesOf(modules)('dclint')
  const linter = new DCLinter({ rules: composeRules, quiet: false, debug: false, exclude: [] })
  const results: { messages: Any[] }[] = await linter.lintFiles([join(root, composeFile)], false)
  const found = results.flatMap(({ messages }) => messages)
  const said = found.map(({ line, message, rule }) => `line ${line}: ${message} (${rule})`)
  check(results.length === 1 && said.length === 0, `compose.yaml: ${said.join('; ')}`)
}
