import type { Handler } from '../http/handler.js'
import type { Deps } from './deps.js'

export const listModels =
  ({ models }: Deps): Handler<'listModels'> =>
  async (_request, reply) =>
    reply(200, { data: models.map((name, n) => ({ name, is_default: n === 0 })), next_cursor: null })
