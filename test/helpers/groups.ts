import { dirname, join } from 'node:path'

/**
 * Rooms whose tests start processes, or wait. They are begun first, in smaller groups: a long one that is begun last
 * would leave the other cores idle.
 */
const slowRooms = [
  'updates',
  'history',
  'commands',
  'db',
  'conformance',
  'plugin',
  'embedded-postgres',
  'tools',
  'tracing',
  'metrics',
  '',
]

/** These come last, together: a process of its own would take longer than each. */
const smallRooms = ['concurrency', 'retention', 'scripts', 'search', 'web']

/**
 * What has a command of its own, which names it: `npm run test:mutations`, `test:production`, `test:browser`,
 * `test:measured` and `test:citus`.
 */
export const isApart = (path: string): boolean =>
  path.endsWith('mutations.test.ts') || /^test\/(browser|citus|measured|production)\//.test(path)

/**
 * The files of each process, by its name: some of one room. To start a process, to read the packages and to compile the
 * contract takes longer than most files do.
 */
export const groupsOf = (paths: string[]): Map<string, string[]> => {
  const small = new Set(smallRooms.map((room) => join('test', room)))
  const roomOf = (path: string): string => {
    // They take minutes each.
    if (/mutations\.test\.ts$|^test\/production\//.test(path)) return path.replace('.test.ts', '')
    return small.has(dirname(path)) ? 'small' : dirname(path)
  }
  const slow = slowRooms.map((room) => join('test', room))
  const others = new Set([
    ...paths.map(roomOf).filter((room) => !slow.includes(room) && room !== 'small'),
    'small',
  ])
  const groups = new Map<string, string[]>()
  for (const room of [...slow, ...others]) {
    const files = paths.filter((path) => roomOf(path) === room)
    const count = Math.ceil(files.length / (slow.includes(room) ? 9 : 24))
    for (let at = 0; at < count; at += 1) {
      // tap runs them in the order of their names.
      const name = `${String(groups.size + 1).padStart(3, '0')}-${room.replaceAll('/', '-')}`
      groups.set(
        name,
        files.filter((_, i) => i % count === at),
      )
    }
  }
  return groups
}
