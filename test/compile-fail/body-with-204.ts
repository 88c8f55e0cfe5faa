import type { Handler } from '../../src/http/handler.js'

export const deleteConversation: Handler<'deleteConversation'> = async (_request, reply) =>
  // @error TS2554
  reply(204, { deleted: true })
