import { readdir, readlink, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { identify, isAlive } from './process.js'

const prefix = 'owner.'
const released = 'released'

const generations = async (folder: string): Promise<number[]> =>
  (await readdir(folder))
    .filter((name) => name.startsWith(prefix))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => b - a)

const path = (folder: string, generation: number) => join(folder, `${prefix}${generation}`)

/** Makes `owner.<generation>`, a link whose target is its content: whole at once, and only one can make it. */
const take = (folder: string, generation: number, owner: string): Promise<boolean> =>
  symlink(owner, path(folder, generation)).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false
      throw error
    },
  )

/**
 * Makes this process the folder's only owner, or throws when another living process is; gives the release.
 * The highest generation is the owner and the numbers only rise, so that of several who find a dead owner,
 * and of one who was slow to act on what it found, no two can follow it.
 */
export const claim = async (folder: string): Promise<() => Promise<void>> => {
  const self = identify(process.pid)
  if (!self) throw new Error(`Process ${process.pid} cannot find itself in the process list.`)
  for (;;) {
    const [latest = 0] = await generations(folder)
    const owner = await readlink(path(folder, latest)).catch(() => released)
    if (owner !== released && isAlive(owner)) {
      throw new Error(
        `The data folder ${folder} is in use by process ${Number.parseInt(owner, 10)}. ` +
          'Set DATABASE_URL to share one database, or give this instance another DATA_DIR.',
      )
    }
    const mine = latest + 1
    if (!(await take(folder, mine, self))) continue
    const [highest, ...older] = await generations(folder)
    if (highest !== mine) {
      await rm(path(folder, mine), { force: true })
      continue
    }
    for (const generation of older) await rm(path(folder, generation), { force: true })
    return async () => {
      await take(folder, mine + 1, released)
      await rm(path(folder, mine), { force: true })
    }
  }
}
