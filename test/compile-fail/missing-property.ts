import type { Handler } from '../../src/http/handler.js'

export const listMessages: Handler<'listMessages'> = async (_request, reply) =>
  // @error TS2345
  reply(200, { data: [] })
