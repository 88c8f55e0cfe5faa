import type { Mutation } from '../mutate.js'

/** A key belongs to one request, and begins one turn. */
export const keys: Mutation[] = [
  {
    breaks: 'one key, one turn',
    of: 'begin_turn',
    from: /if p_key_hash is not null then\s+insert/,
    to: 'if false then insert',
  },
  {
    breaks: 'a key belongs to one request',
    of: 'resume_turn',
    from: /v_key\.fingerprint is distinct from p_fingerprint/,
    to: 'false',
  },
  {
    breaks: 'a refusal leaves no key behind',
    of: 'begin_turn',
    from: /delete from colloquy\.idempotency_keys k where/,
    to: 'delete from colloquy.idempotency_keys k where false and',
  },
  {
    breaks: 'a repeated begin begins nothing',
    of: 'begin_turn',
    from: /if v_last\.begun_by = p_turn_id and v_last\.status = 'running' then/,
    to: 'if false then',
  },
]
