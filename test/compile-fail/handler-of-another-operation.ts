import type { Handlers } from '../../src/http/handler.js'

declare const handlers: Handlers

// @error TS2322
export const bound = { ...handlers, getTurn: handlers.createTurn } satisfies Handlers
