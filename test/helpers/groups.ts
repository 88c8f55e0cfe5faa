import { dirname, join } from 'node:path'

/**
 * Rooms whose tests start processes, or wait. They are begun first, in smaller groups: a long one that is begun last
 * would leave the other cores idle.
 */
const slowRooms = [
  'weather',
  'history',
  'commands',
  'db',
  'conformance',
  'plugin',
  'embedded-postgres',
  'tools',
  '',
]

/**
 * The files of each process, by its name: some of one room. To start a process and to read the packages takes longer
 * than most files do.
 */
export const groupsOf = (paths: string[]): Map<string, string[]> => {
  const slow = slowRooms.map((room) => join('test', room).replace(/\/$/, ''))
  const others = new Set(paths.map((path) => dirname(path)).filter((room) => !slow.includes(room)))
  const groups = new Map<string, string[]>()
  for (const room of [...slow, ...others]) {
    const files = paths.filter((path) => dirname(path) === room)
    const count = Math.ceil(files.length / (slow.includes(room) ? 4 : 8))
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
