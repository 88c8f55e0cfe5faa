import type { Handlers } from '../../src/http/handler.js'

declare const handlers: Handlers
const { getTurn, ...others } = handlers

// @error TS1360
export const bound = { ...others } satisfies Handlers
