import { createHash } from 'node:crypto'
import type { BeginTurn } from './store/begin-turns.js'
import type { Place } from './types.js'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** What a request is told by: its Idempotency-Key, and the fields of its body. */
interface KeyedRequest {
  key: string | undefined
  conversationId?: string | undefined
  message: string
  model?: string | undefined
  place?: Place | undefined
  assistant?: string | undefined
}

/** A request with the same key has to repeat the validated body. Absent fields are left out of the fingerprint. */
export const idempotencyOf = ({
  key,
  conversationId,
  message,
  model,
  place,
  assistant,
}: KeyedRequest): BeginTurn['idempotency'] =>
  key === undefined
    ? undefined
    : {
        keyHash: sha256(key),
        fingerprint: sha256(
          JSON.stringify([
            conversationId ?? null,
            message,
            ...(model === undefined ? [] : [model]),
            ...(place === undefined ? [] : [place]),
            ...(assistant === undefined ? [] : [{ assistant }]),
          ]),
        ),
      }
