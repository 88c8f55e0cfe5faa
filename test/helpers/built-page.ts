import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readPageFiles } from '../../src/commands/chat-page.js'
import type { ChatPage } from '../../src/http/chat-page.js'
import { tokenOf } from './app.js'
import { builtProgram } from './program.js'

/** The page as it was built, for users who are signed in by themselves, as in development. */
export const builtPage = async (users: readonly string[] = ['demo', 'guest']): Promise<ChatPage> => ({
  files: await readPageFiles(pathToFileURL(join(builtProgram(), 'dist/web/'))),
  signIn: { kind: 'demo', users, signToken: async (user) => tokenOf(user) },
})
