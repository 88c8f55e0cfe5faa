import { createHash } from 'node:crypto'
import type { SendMessage } from './engine.js'
import type { BeginTurn } from './store/begin-turns.js'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A request with the same key has to repeat the validated body. Absent fields are left out of the fingerprint. */
export const idempotencyOf = ({
  key,
  conversationId,
  message,
  model,
}: SendMessage): BeginTurn['idempotency'] =>
  key === undefined
    ? undefined
    : {
        keyHash: sha256(key),
        fingerprint: sha256(
          JSON.stringify([conversationId ?? null, message, ...(model === undefined ? [] : [model])]),
        ),
      }
