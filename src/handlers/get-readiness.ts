import type { Handler } from '../http/handler.js'
import type { Deps } from './deps.js'

export const getReadiness =
  ({ checkReady }: Deps): Handler<'getReadiness'> =>
  async (_request, reply) => {
    await checkReady()
    return reply(200, { status: 'ready' })
  }
