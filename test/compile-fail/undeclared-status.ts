import type { Handler } from '../../src/http/handler.js'

export const getLiveness: Handler<'getLiveness'> = async (_request, reply) =>
  // @error TS2345
  reply(201, { status: 'ok' })
