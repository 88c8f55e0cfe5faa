/** What ends things: a test, or something like it where there is none. */
export interface Scope {
  teardown(end: () => unknown): void
}

/** A scope that is ended by hand: the last that was begun ends first, each whatever became of the others. */
export const createScope = (): Scope & { end(): Promise<void> } => {
  const ends: (() => unknown)[] = []
  return {
    teardown: (end) => void ends.push(end),
    async end() {
      const failures: unknown[] = []
      for (const end of ends.splice(0).reverse()) {
        await Promise.resolve()
          .then(end)
          .catch((error: unknown) => failures.push(error))
      }
      if (failures.length > 0) throw failures[0]
    },
  }
}
