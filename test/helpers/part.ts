/** A run takes one part of so many. */
const parts = 4
const part = process.env.TEST_PART
if (part !== undefined && !/^\d+$/.test(part)) throw new Error('TEST_PART takes a whole number.')

/**
 * Of each group, what this run takes: all, or with `TEST_PART=<whole number>` a fourth of what would take too long each
 * time, at least one. The next three numbers take the others.
 */
export const partOf = <T>(groups: T[][]): T[] =>
  groups.flatMap((group) => {
    const count = part === undefined ? 1 : Math.min(parts, group.length)
    return group.filter((_, i) => i % count === Number(part ?? 0) % count)
  })
