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

const ownerLink = (folder: string, generation: number) => join(folder, `${prefix}${generation}`)

/** Creates `owner.<generation>`, a symlink whose target is its content: created atomically, by one process only. */
const createOwnerLink = (folder: string, generation: number, owner: string): Promise<boolean> =>
  symlink(owner, ownerLink(folder, generation)).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false
      throw error
    },
  )

/**
 * Makes this process the folder's only owner, or throws while another living process owns it. Resolves with the release.
 * The highest generation is the owner and generations only rise: of several processes that find a dead owner, or act late
 * on what they found, only one can follow it.
 */
export const lockFolder = async (folder: string): Promise<() => Promise<void>> => {
  const self = identify(process.pid)
  if (!self) throw new Error(`Process ${process.pid} cannot find itself in the process list.`)
  for (;;) {
    const [latest = 0] = await generations(folder)
    const owner = await readlink(ownerLink(folder, latest)).catch(() => released)
    if (owner !== released && isAlive(owner)) {
      throw new Error(
        `The data folder ${folder} is in use by process ${Number.parseInt(owner, 10)}. ` +
          'Set DATABASE_URL to share one database, or give this instance another DATA_DIR.',
      )
    }
    const mine = latest + 1
    if (!(await createOwnerLink(folder, mine, self))) continue
    const [highest, ...older] = await generations(folder)
    if (highest !== mine) {
      await rm(ownerLink(folder, mine), { force: true })
      continue
    }
    for (const generation of older) await rm(ownerLink(folder, generation), { force: true })
    return async () => {
      await createOwnerLink(folder, mine + 1, released)
      await rm(ownerLink(folder, mine), { force: true })
    }
  }
}
