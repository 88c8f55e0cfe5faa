import type { Handler } from '../../src/http/handler.js'

export const listConversations: Handler<'listConversations'> = async ({ query }, reply) => {
  const limit: number = query.limit
  // @error TS2322
  const cursor: string = query.cursor
  console.log(limit, cursor)
  return reply(200, { data: [], next_cursor: null })
}
