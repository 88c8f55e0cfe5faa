import type { Handlers } from '../../generated/bindings.js'

declare const handlers: Handlers

// @error TS2322
export const bound = { ...handlers, getTurn: handlers.createTurn } satisfies Handlers
