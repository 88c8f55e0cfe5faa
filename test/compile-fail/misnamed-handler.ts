import type { Handlers } from '../../src/http/handler.js'

declare const handlers: Handlers
const { getTurn, ...others } = handlers

// @error TS2561
export const bound = { ...others, getTurns: getTurn } satisfies Handlers
