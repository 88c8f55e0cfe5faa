import type { Mutation } from '../mutate.js'

/** What is deleted or has expired is gone, in its time. */
export const removal: Mutation[] = [
  {
    breaks: 'a deleted conversation takes its messages along',
    of: 'delete_conversations',
    from: /delete from colloquy\.messages m[^;]*;/,
    to: '',
  },
  {
    breaks: 'keys are forgotten in bounded batches',
    of: 'prune_idempotency_keys',
    from: /limit p_limit/,
    to: '',
  },
  {
    breaks: 'what has expired cannot be continued',
    of: 'lock_conversation',
    from: /colloquy\.is_live\(c\.expires_at\)/g,
    to: 'true',
  },
  {
    breaks: 'a key finds nothing in what has expired',
    of: 'resume_turn',
    from: / and v_lock\.outcome <> 'not-found'/,
    to: '',
  },
  {
    breaks: 'what has expired cannot be cancelled',
    of: 'cancel_turn',
    from: /colloquy\.is_live\(c\.expires_at\)/,
    to: 'true',
  },
  {
    breaks: 'a turn puts the expiry off',
    of: 'begin_turn',
    from: /expires_at = colloquy\.expiry_of\(c\.own_expires_at, v_now, c\.pinned, c\.archived, p_retention\)/,
    to: 'expires_at = c.expires_at',
  },
  {
    breaks: 'another attempt puts the expiry off',
    of: 'resume_turn',
    from: /expires_at = colloquy\.expiry_of\(c\.own_expires_at, v_now, c\.pinned, c\.archived, p_retention\)/,
    to: 'expires_at = c.expires_at',
  },
  {
    breaks: 'what expires for the first time is looked at then',
    of: 'begin_turn',
    from: /or \(v_lock\.expires_at is null and v_expires_at is not null\)/,
    to: '',
  },
  {
    breaks: 'nothing is removed before its time',
    of: 'remove_conversation',
    from: /if v_remove_at <= v_now then/,
    to: 'if true then',
  },
  {
    breaks: 'a turn that runs is left to its end',
    of: 'remove_conversation',
    from: /if not v_has_run or v_lease_until < v_now then/,
    to: 'if true then',
  },
  {
    breaks: 'a turn whose instance is dead keeps nothing',
    of: 'remove_conversation',
    from: / or v_lease_until < v_now/,
    to: '',
  },
]
