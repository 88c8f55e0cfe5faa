/** Next.js calls this once, before the first request: it makes the tables of Better Auth that are missing. */
export const register = async () => {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return
  const { getMigrations } = await import('better-auth/db/migration')
  const { auth } = await import('./auth')
  const { runMigrations } = await getMigrations(auth.options)
  await runMigrations()
}
