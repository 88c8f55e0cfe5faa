import { betterAuth } from 'better-auth'
import { jwt } from 'better-auth/plugins'
import { headers } from 'next/headers'
import { redirect } from 'next/navigation'
import { Pool } from 'pg'

/** Signs the tokens that Colloquy verifies. Its address and its secret are BETTER_AUTH_URL and BETTER_AUTH_SECRET. */
export const auth = betterAuth({
  database: new Pool({ connectionString: process.env.DATABASE_URL }),
  emailAndPassword: { enabled: true },
  plugins: [jwt()],
})

/** The user who is signed in; everybody else is sent to sign in. */
export const requireUser = async () => {
  const session = await auth.api.getSession({ headers: await headers() })
  return session?.user ?? redirect('/sign-in')
}
