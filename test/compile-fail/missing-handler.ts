import type { Handlers } from '../../generated/bindings.js'

declare const handlers: Handlers
const { getTurn, ...others } = handlers

// @error TS1360
export const bound = { ...others } satisfies Handlers
