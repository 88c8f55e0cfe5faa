import type { Handler } from '../../src/http/handler.js'

export const getLiveness: Handler<'getLiveness'> = async ({ user }, reply) => {
  // @error TS18048
  console.log(user.id)
  return reply(200, { status: 'ok' })
}
