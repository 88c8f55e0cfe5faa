import type { Handler } from '../../src/http/handler.js'

// @error TS2322
export const getLiveness: Handler<'getLiveness'> = async () => ({ status: 200, body: { status: 'ok' } })
