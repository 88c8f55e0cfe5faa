const MAX_LENGTH = 64

/** Replaces and truncates what some provider would reject in a tool's name. */
export const toProviderName = (name: string): string =>
  name.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, MAX_LENGTH)

/**
 * Picks the name under which a turn offers a tool: the tool's own name or, when that is taken, the name prefixed with its server's.
 * Returns undefined when both are taken.
 */
export const uniqueName = (
  server: string,
  tool: string,
  taken: { has(name: string): boolean },
): string | undefined => {
  const names = [toProviderName(tool), toProviderName(`${server}_${tool}`)]
  return names.find((name) => name !== '' && !taken.has(name))
}
