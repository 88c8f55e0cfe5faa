/** The files that name the version, as texts by their paths. */
export type ReleaseFiles = Record<(typeof releasePaths)[number], string>

export const releasePaths = [
  'CHANGELOG.md',
  'contracts/chat-api.yaml',
  'package-lock.json',
  'src/client/package.json',
] as const

const contractVersion = /^ {2}version: (\S+)$/m

const isNewer = (version: string, other: string): boolean => {
  const [a, b] = [version, other].map((text) => text.split('-')[0]?.split('.').map(Number) ?? [])
  const at = [0, 1, 2].find((n) => a?.[n] !== b?.[n]) ?? 0
  return (a?.[at] ?? 0) > (b?.[at] ?? 0)
}

/** Replaces exactly one occurrence. */
const replaceOnce = (text: string, pattern: RegExp, replacement: string): string => {
  if (!pattern.test(text)) throw new Error(`There is nothing that matches ${pattern}.`)
  return text.replace(pattern, () => replacement)
}

const toJson = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

/**
 * Gives the client and the contract the version that `npm version` has given the server, and dates the changelog. Throws when there is
 * nothing to release, or when a breaking change of the contract asks for a higher version.
 */
export const release = (files: ReleaseFiles, version: string, day: string): ReleaseFiles => {
  const contract = files['contracts/chat-api.yaml']
  const [, declared = ''] = contractVersion.exec(contract) ?? []
  if (isNewer(declared, version))
    throw new Error(`The contract is at ${declared} already, for its breaking changes: release that version.`)
  const changelog = files['CHANGELOG.md']
  const [, unreleased = ''] = /^## Unreleased$([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(changelog) ?? []
  if (unreleased.trim() === '') throw new Error('CHANGELOG.md has nothing under "## Unreleased".')
  const lock = JSON.parse(files['package-lock.json'])
  lock.packages['src/client'].version = version
  return {
    'CHANGELOG.md': replaceOnce(changelog, /^## Unreleased$/m, `## Unreleased\n\n## ${version} - ${day}`),
    'contracts/chat-api.yaml': replaceOnce(contract, contractVersion, `  version: ${version}`),
    'package-lock.json': toJson(lock),
    'src/client/package.json': toJson({ ...JSON.parse(files['src/client/package.json']), version }),
  }
}
