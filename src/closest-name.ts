/** How many letters have to be inserted, removed, replaced or swapped with their neighbour to make one text of the other. */
const editDistance = (a: string, b: string): number => {
  let [previous, before]: [number[], number[]] = [Array.from({ length: b.length + 1 }, (_, j) => j), []]
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const isSame = a[i - 1] === b[j - 1]
      const isSwapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    ;[previous, before] = [row, previous]
  }
  return previous[b.length] ?? 0
}

/** The known name that someone most likely meant: at most `maxEdits` away, by default a third of its length. */
export const closestName = (name: string, known: Iterable<string>, maxEdits?: number): string | undefined => {
  const near = [...known]
    .filter(({ length }) => Math.abs(length - name.length) <= (maxEdits ?? 3))
    .map((candidate) => ({ candidate, edits: editDistance(name, candidate) }))
    .filter(({ candidate, edits }) => edits <= (maxEdits ?? Math.min(3, candidate.length / 3)))
    .sort((a, b) => a.edits - b.edits)
  return near[0]?.candidate
}
