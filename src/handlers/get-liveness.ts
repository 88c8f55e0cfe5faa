import type { Handler } from '../http/handler.js'

export const getLiveness = (): Handler<'getLiveness'> => async (_request, reply) =>
  reply(200, { status: 'ok' })
