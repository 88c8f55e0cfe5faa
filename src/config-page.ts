import type { EnvironmentReader } from './environment.js'

export interface PageConfig {
  /** the app's Better Auth, where the page gets tokens; undefined: none is known */
  app: { tokenUrl: string; signInUrl: string } | undefined
}

/** Better Auth's rule: its API is at the URL's path, or at /api/auth if it has none. */
export const betterAuthEndpoint = ({ origin, pathname }: URL, endpoint: 'jwks' | 'token'): string =>
  `${origin}${pathname.replace(/\/+$/, '') || '/api/auth'}/${endpoint}`

/** The chat page at `/`: on in development, off in production unless it is switched on. Throws ConfigError. */
export const readPage = (
  { oneOf, webUrl, fail }: EnvironmentReader,
  { production, authUrl }: { production: boolean; authUrl: URL | undefined },
): PageConfig | undefined => {
  const isOn = oneOf('CHAT_PAGE', ['on', 'off'], production ? 'off' : 'on') === 'on'
  const signInUrl = webUrl('CHAT_PAGE_SIGN_IN')
  if (!isOn) return undefined
  if (production && !authUrl)
    fail('BETTER_AUTH_URL', 'set when CHAT_PAGE=on and NODE_ENV=production: the page gets its tokens there')
  const app = authUrl && {
    tokenUrl: betterAuthEndpoint(authUrl, 'token'),
    signInUrl: signInUrl?.href ?? authUrl.origin,
  }
  return { app }
}
