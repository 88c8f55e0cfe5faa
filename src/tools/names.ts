const MAX_LENGTH = 64

/** A name in the characters, and of the length, that every provider takes. */
export const fitting = (name: string): string => name.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, MAX_LENGTH)

/**
 * The name under which a turn has a tool: its own, with its server's before it where another tool has that one. Gives undefined
 * when both are taken.
 */
export const uniqueName = (
  server: string,
  tool: string,
  taken: { has(name: string): boolean },
): string | undefined => {
  const names = [fitting(tool), fitting(`${server}_${tool}`)]
  return names.find((name) => name !== '' && !taken.has(name))
}
