import { createHash } from 'node:crypto'

const MAX_LENGTH = 64

/** Replaces and truncates what some provider would reject in a tool's name. Google wants a letter or `_` first. */
export const toProviderName = (name: string): string =>
  name
    .replace(/[^A-Za-z0-9_-]/g, '_')
    .replace(/^(?=[^A-Za-z_])/, '_')
    .slice(0, MAX_LENGTH)

/** Tells two tools apart whose names are the same once their characters are replaced: in Chinese, or beyond 64 characters. */
const hashed = (server: string, tool: string): string => {
  const hash = createHash('sha256')
    .update(JSON.stringify([server, tool]))
    .digest('hex')
    .slice(0, 8)
  return `${toProviderName(tool).slice(0, MAX_LENGTH - hash.length - 1)}_${hash}`
}

/** The longest name that a turn may offer a tool under. */
export const longestName = (server: string, tool: string): string => {
  const [prefixed, other] = [toProviderName(`${server}_${tool}`), hashed(server, tool)]
  return other.length > prefixed.length ? other : prefixed
}

/**
 * Picks the name under which a turn offers a tool: the tool's own name or, when that is taken, the name prefixed with its server's,
 * or else one with a hash. Returns undefined when all are taken.
 */
export const uniqueName = (
  server: string,
  tool: string,
  taken: { has(name: string): boolean },
): string | undefined => {
  const names = [toProviderName(tool), toProviderName(`${server}_${tool}`), hashed(server, tool)]
  return names.find((name) => name !== '' && !taken.has(name))
}
