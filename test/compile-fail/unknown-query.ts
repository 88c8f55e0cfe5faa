import type { Handler } from '../../src/http/handler.js'

export const listConversations: Handler<'listConversations'> = async ({ query }, reply) => {
  // @error TS2551
  console.log(query.limits)
  return reply(200, { data: [], next_cursor: null })
}
