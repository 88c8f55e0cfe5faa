/** `TEST_PART=today` (as `.ci/run` has it) takes a part of what would take too long each time: another one each day. */
const isPart = process.env.TEST_PART === 'today'
/** After so many days each has had its turn. */
const days = 4
const today = Math.floor(Date.now() / 86_400_000)

/** Of each group what this run takes: all, or those whose turn it is, which is at least one. */
export const todays = <T>(groups: T[][]): T[] =>
  groups.flatMap((group) => {
    const parts = isPart ? Math.min(days, group.length) : 1
    return group.filter((_, i) => i % parts === today % parts)
  })
