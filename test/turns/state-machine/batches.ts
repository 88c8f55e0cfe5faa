/** How entries that come at once are dealt with: what group-commit.ts and the SQL functions of batches promise. */

/** The entries' numbers in the order in which a batch takes them; those that are alike in the order in which they came. */
export const inOrder = <Entry extends { userId: string }>(
  entries: readonly Entry[],
  placeOf: (entry: Entry) => string[],
): number[] =>
  entries
    .map((entry, n) => ({ n, place: [entry.userId, ...placeOf(entry)] }))
    .sort((a, b) => {
      const i = a.place.findIndex((part, at) => part !== b.place[at])
      return i < 0 ? a.n - b.n : (a.place[i] as string) < (b.place[i] as string) ? -1 : 1
    })
    .map(({ n }) => n)

/**
 * Entries that come at once, to an instance where nothing is under way: the first leaves alone, the others in one batch
 * after it. Where the batch fails, which gives no answers, nothing of it is written, and each entry is sent alone.
 */
export const together = <Entry, Given>(
  [first, ...rest]: readonly Entry[],
  alone: (entry: Entry) => Given,
  batch: (entries: readonly Entry[]) => Given[] | undefined,
): Given[] => {
  if (first === undefined) return []
  const answer = alone(first)
  const answers = rest.length > 1 ? batch(rest) : undefined
  return [answer, ...(answers ?? rest.map(alone))]
}
