import type { Handler } from '../../src/http/handler.js'
import { problem } from '../../src/problems.js'

// @error TS2322
export const getLiveness: Handler<'getLiveness'> = async () => problem('turn-not-found')
