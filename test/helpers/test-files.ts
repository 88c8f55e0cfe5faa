import t, { type Test } from 'tap'

let current: Test = t

/** The test that stands for the file being loaded; it is what `import t from 'tap'` gives a test file. */
export const fileTest = (): Test => current

const ends: (() => Promise<unknown>)[] = []

/** Has something that files of this process share be ended after the last of them. */
export const atEnd = (end: () => Promise<unknown>): void => void ends.push(end)

/** The limit of one file, in milliseconds; .taprc has that of a process, in seconds. Mutations take all of it, one file a process. */
const limitOf = (name: string): number => (name.includes('mutations') ? 1_600_000 : 400_000)

const events = ['uncaughtException', 'unhandledRejection', 'warning']

/** Runs test files one after another in this process, each as a test with the file's name. */
export const runFiles = async (files: Record<string, () => Promise<unknown>>): Promise<void> => {
  for (const [name, load] of Object.entries(files)) {
    const before = events.map((event) => process.rawListeners(event))
    await t.test(name, { timeout: limitOf(name) }, async (t) => {
      current = t
      await load()
    })
    // A file listens for what nobody caught in it, not in the next one.
    for (const [i, event] of events.entries()) {
      const added = process.rawListeners(event).filter((listener) => !before[i]?.includes(listener))
      for (const listener of added) process.off(event, listener as () => void)
    }
  }
  for (const end of ends.reverse()) await end()
}
