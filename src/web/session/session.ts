import { ColloquyError, createBetterAuthToken, subjectOf } from '../../client/index.js'
import { stored } from '../stored.js'

/** What the server says of signing in, in page/session.json. */
type SessionDocument =
  /** development: users whose tokens the server signs for a browser on its own machine */
  | { kind: 'demo'; users: { id: string; token: string }[] }
  /** the app's Better Auth */
  | { kind: 'app'; token_url: string; sign_in_url: string }

export interface Session {
  /** undefined: nobody is signed in */
  userId: string | undefined
  token: (options: { refresh: boolean }) => Promise<string>
  /** the users to switch between, in development */
  demoUsers: readonly string[]
  signInUrl?: string | undefined
}

const CHOSEN_USER = 'colloquy-demo-user'

/** Where the page is served, and the API with it, without a trailing slash. */
export const baseUrl = (): string => new URL('.', location.href).href.replace(/\/$/, '')

const readDocument = async (): Promise<SessionDocument> => {
  const response = await fetch(`${baseUrl()}/page/session.json`)
  if (!response.ok) throw new Error(`The session was answered with ${response.status}.`)
  return response.json()
}

const openDemo = ({ users }: Extract<SessionDocument, { kind: 'demo' }>): Session => {
  const demoUsers = users.map(({ id }) => id)
  const chosen = stored('localStorage', CHOSEN_USER)
  const userId = demoUsers.find((id) => id === chosen) ?? demoUsers[0]
  const tokenIn = (all: typeof users) => all.find(({ id }) => id === userId)?.token ?? ''
  let token = tokenIn(users)
  return {
    userId,
    demoUsers,
    // A server that was started again may have another secret.
    async token({ refresh }) {
      const document = refresh ? await readDocument() : undefined
      if (document?.kind === 'demo') token = tokenIn(document.users)
      return token
    },
  }
}

const openApp = async (document: Extract<SessionDocument, { kind: 'app' }>): Promise<Session> => {
  const token = createBetterAuthToken({
    async token() {
      const response = await fetch(document.token_url, { credentials: 'include' })
      if (!response.ok) return { data: null, error: { status: response.status } }
      return { data: await response.json(), error: null }
    },
  })
  const signInUrl = document.sign_in_url
  const userId = await token().then(subjectOf, (error: unknown) => {
    // That the app does not answer says nothing of who is signed in.
    if (error instanceof ColloquyError && error.code === 'signed-out') return undefined
    throw error
  })
  return {
    userId,
    async token(options) {
      const next = await token(options)
      // Somebody else has signed in, in another tab.
      if (subjectOf(next) !== userId) location.reload()
      return next
    },
    demoUsers: [],
    signInUrl,
  }
}

/** Finds out who is signed in. Throws when the server cannot be asked. */
export const openSession = async (): Promise<Session> => {
  const document = await readDocument()
  return document.kind === 'demo' ? openDemo(document) : openApp(document)
}

/** Goes on as another demo user, with nothing left of the one before. */
export const switchUser = (userId: string): void => {
  stored('localStorage', CHOSEN_USER, userId)
  location.hash = ''
  location.reload()
}
