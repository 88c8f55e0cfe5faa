import type { Handler } from '../http/handler.js'
import type { Deps } from './deps.js'

export const getToolKeys =
  ({ toolKeys }: Deps): Handler<'getToolKeys'> =>
  async (_request, reply) =>
    reply(200, { keys: toolKeys }, { 'cache-control': 'public, max-age=300' })
