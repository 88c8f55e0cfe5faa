import { access, chmod, chown, constants, mkdir, readFile, realpath, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

export interface User {
  uid: number
  gid: number
}

/** Resolves to whether it was created; false if it exists. */
const createIfMissing = (creation: Promise<unknown>): Promise<boolean> =>
  creation.then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false
      throw error
    },
  )

const nobody = async (): Promise<User> => {
  const entry = /^nobody:[^:]*:(\d+):(\d+):/m.exec(await readFile('/etc/passwd', 'utf8'))
  return { uid: Number(entry?.[1] ?? 65534), gid: Number(entry?.[2] ?? 65534) }
}

/** The first owner of these paths that is not root. */
const ordinaryOwner = async (paths: string[]): Promise<User | undefined> => {
  for (const path of paths) {
    const owner = await stat(path).catch(() => undefined)
    if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  }
  return undefined
}

/** Creates the folder with access for its owner only, if it is missing. Resolves with its real path. */
const ensureFolder = async (dataDir: string): Promise<{ folder: string; made: boolean }> => {
  try {
    await mkdir(dirname(resolve(dataDir)), { recursive: true })
    const made = await createIfMissing(mkdir(dataDir, { mode: 0o700 }))
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
    await createIfMissing(writeFile(join(dataDir, '.gitignore'), '*\n', { flag: 'wx' }))
    return { folder: await realpath(dataDir), made }
  } catch (cause) {
    throw new Error(
      `The data folder ${resolve(dataDir)} cannot be written to (${(cause as NodeJS.ErrnoException).code}). ` +
        'Set another DATA_DIR, or set DATABASE_URL to a PostgreSQL of yours.',
      { cause },
    )
  }
}

/**
 * Opens the data folder. PostgreSQL refuses to run as root: under root, `user` is the user to run it as. That is the owner
 * of the data, else the owner of the parent folder, else nobody, who may only traverse the folder.
 */
export const openFolder = async (dataDir: string): Promise<{ folder: string; user: User | undefined }> => {
  const { folder, made } = await ensureFolder(dataDir)
  if (process.getuid?.() !== 0) return { folder, user: undefined }
  const owner = await ordinaryOwner([join(folder, 'postgres'), folder, dirname(folder)])
  if (made && owner) await chown(folder, owner.uid, owner.gid)
  else if (made) await chmod(folder, 0o711)
  return { folder, user: owner ?? (await nobody()) }
}
