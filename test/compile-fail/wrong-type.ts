import type { Handler } from '../../src/http/handler.js'

export const listMessages: Handler<'listMessages'> = async (_request, reply) =>
  // @error TS2322
  reply(200, { data: [], next_cursor: 1 })
