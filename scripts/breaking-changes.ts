import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { packageRoot } from '../src/root.js'

/** A change that breaks clients, as oasdiff tells it (https://www.oasdiff.com). */
export interface BreakingChange {
  id: string
  text: string
  operation: string
  path: string
}

const command = fileURLToPath(new URL('node_modules/.bin/oasdiff', packageRoot))

/** A value more where any text is allowed beside the known ones: what clients have to be ready for in any case. */
const isOfOpenEnum = ({ id, text }: BreakingChange): boolean =>
  id === 'response-property-enum-value-added' && /\/anyOf\[#\/components\/schemas\/Known\w+\]/.test(text)

/** Compares two OpenAPI documents, by their paths. */
export const breakingChanges = async (released: string, current: string): Promise<BreakingChange[]> => {
  const args = ['breaking', released, current, '--format', 'json']
  const { stdout } = await promisify(execFile)(command, args, { maxBuffer: 64 * 1024 * 1024 })
  const changes = stdout.trim() === '' ? [] : ((JSON.parse(stdout) as BreakingChange[] | null) ?? [])
  return changes.filter((change) => !isOfOpenEnum(change))
}

/** What stands for compatibility in a version: before 1.0 the minor version, then the major one. */
const compatibleWith = (version: string): string => {
  const [major = '', minor = ''] = version.split('.')
  return major === '0' ? `0.${minor}` : major
}

/** The text of the changelog's section that names breaking changes, of the version that is not released yet. */
const announced = (changelog: string): string => {
  const [, unreleased = ''] = /^## Unreleased$([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(changelog) ?? []
  return /^### Breaking$([\s\S]*?)(?=^### |$(?![\s\S]))/m.exec(unreleased)?.[1] ?? ''
}

interface Release {
  changes: readonly BreakingChange[]
  /** the versions of the released and of the current contract */
  from: string
  to: string
  changelog: string
}

/** What is wrong with a release: breaking changes without a new version, or that the changelog does not name by their paths. */
export const releaseFaults = ({ changes, from, to, changelog }: Release): string[] => {
  const isAllowed = compatibleWith(from) !== compatibleWith(to)
  const text = announced(changelog)
  return changes.flatMap(({ operation, path, text: what }) => {
    const change = `${operation} ${path}: ${what}`
    if (!isAllowed) return [`${change} (the version is still ${to})`]
    return text.includes(path) ? [] : [`${change} (CHANGELOG.md does not name it under "### Breaking")`]
  })
}
