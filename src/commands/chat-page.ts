import { readdir, readFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { Config } from '../config.js'
import type { ChatPage, DemoSignIn, PageFile } from '../http/chat-page.js'
import { packageRoot } from '../root.js'
import { signLoginToken } from './token.js'

/** Who tries out the page in development: two, to see that neither sees what is the other's. */
export const demoUsers = ['demo', 'guest'] as const
const DAY_SECONDS = 86_400

const builtPage = new URL('dist/web/', packageRoot)

/** The files that scripts/build-web.ts has made in a folder; none where it has not run. */
export const readPageFiles = async (folder: URL = builtPage): Promise<PageFile[]> => {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  const paths = names.filter((name) => name.includes('.')).map((name) => name.replaceAll('\\', '/'))
  const files = paths.map(async (path) => ({
    path: path === 'index.html' ? '' : path,
    content: await readFile(new URL(path, folder)),
  }))
  return Promise.all(files)
}

const demoSignIn = (config: Config, secret: string): DemoSignIn => ({
  kind: 'demo',
  users: demoUsers,
  signToken: (user) => signLoginToken(config, secret, user, DAY_SECONDS),
})

/** How the page signs in; undefined where it is off, or where it has nobody to ask for tokens. */
const signInFor = (config: Config, developmentSecret: string | undefined): ChatPage['signIn'] | undefined => {
  const { page } = config
  if (!page) return undefined
  if (developmentSecret !== undefined) return demoSignIn(config, developmentSecret)
  return page.app && { kind: 'app', ...page.app }
}

/** Opens the chat page as configured; `developmentSecret` signs the demo users' tokens, where there is one. */
export const openChatPage = async (
  config: Config,
  { developmentSecret, log }: { developmentSecret: string | undefined; log: Pick<Logger, 'warn'> },
): Promise<ChatPage | undefined> => {
  const signIn = signInFor(config, developmentSecret)
  if (!signIn) return undefined
  const files = await readPageFiles()
  if (files.length > 0) return { files, signIn }
  log.warn('the chat page is not built, and is not served: run "npm run build:web"')
  return undefined
}
