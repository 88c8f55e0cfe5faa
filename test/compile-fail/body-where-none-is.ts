import type { Handler } from '../../src/http/handler.js'
import { problem } from '../../src/problems.js'

export const getTurn: Handler<'getTurn'> = async ({ body }) => {
  // @error TS18048
  console.log(body.message)
  return problem('turn-not-found')
}
