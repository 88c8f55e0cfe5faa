import { existsSync } from 'node:fs'

const packages = { initdb: 'postgresql', postgres: 'postgresql', pg_dump: 'postgresql-client' }

/** The path of a program of PostgreSQL from Debian's or Ubuntu's packages; `version` is the major one. */
export const systemProgram = (version: string, program: keyof typeof packages): string => {
  const path = `/usr/lib/postgresql/${version}/bin/${program}`
  if (existsSync(path)) return path
  throw new Error(
    `There is no ${path}: install the packages postgresql-${version} and postgresql-client-${version} ` +
      `of Debian or Ubuntu (it is in ${packages[program]}-${version}).`,
  )
}

/** The server's programs. */
export const systemServer = (version: string) => ({
  initdb: systemProgram(version, 'initdb'),
  postgres: systemProgram(version, 'postgres'),
})
