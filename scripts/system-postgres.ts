import { existsSync } from 'node:fs'

/** The path of a PostgreSQL program from Debian's or Ubuntu's packages; `version` is the major version. */
export const systemProgram = (
  version: string,
  program: 'initdb' | 'postgres' | 'pg_dump' | 'psql',
): string => {
  const path = `/usr/lib/postgresql/${version}/bin/${program}`
  if (existsSync(path)) return path
  throw new Error(
    `There is no ${path}: install the packages postgresql-${version} and postgresql-client-${version} of Debian or Ubuntu.`,
  )
}

/** The binaries for `startEmbedded`. */
export const systemServer = (version: string) => ({
  initdb: systemProgram(version, 'initdb'),
  postgres: systemProgram(version, 'postgres'),
})
