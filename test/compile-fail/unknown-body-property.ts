import type { Handler } from '../../src/http/handler.js'
import { problem } from '../../src/problems.js'

export const createTurn: Handler<'createTurn'> = async ({ body }) => {
  // @error TS2551
  console.log(body.messages)
  return problem('conversation-not-found')
}
