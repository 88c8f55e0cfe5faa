import type { Handler } from '../../src/http/handler.js'
import { problem } from '../../src/problems.js'

export const getTurn: Handler<'getTurn'> = async ({ params }) => {
  // @error TS2339
  console.log(params.conversation_id)
  return problem('turn-not-found')
}
