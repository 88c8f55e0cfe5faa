import type { Mutation } from '../mutate.js'

/** What runs is followed, renewed and asked to stop from any instance. */
export const ticks: Mutation[] = [
  {
    breaks: 'a tick is for its own attempt only',
    of: 'sync_attempts',
    from: /or v_turn\.attempt <> v_entry\.attempt then\s+state := 'lost'/,
    to: "then state := 'lost'",
  },
  {
    breaks: 'a tick renews the lease',
    of: 'sync_attempts',
    from: /set lease_until = v_now \+ v_lease/,
    to: 'set lease_until = t.lease_until',
  },
  {
    breaks: 'whoever reads an attempt is not given those of another',
    of: 'sync_attempts',
    from: / and e\.attempt = v_entry\.attempt and e\.seq >= v_entry\.seq/,
    to: '',
  },
  {
    breaks: 'whoever reads an attempt is told when another has begun',
    of: 'sync_attempts',
    from: /or v_turn\.attempt <> v_entry\.attempt then 'ended'/,
    to: "then 'ended'",
  },
  {
    breaks: 'whoever waits for a turn is told that its lease has run out',
    of: 'sync_attempts',
    from: /when v_turn\.lease_until < v_now then 'lapsed'/,
    to: '',
  },
  {
    breaks: 'what was said is stored when the turn is interrupted',
    of: 'interrupt_turn',
    from: /p_content => v_answer\.content/,
    to: "p_content => ''",
  },
  {
    breaks: 'what was said is the words of the last attempt',
    of: 'end_turn',
    from: /delete from colloquy\.turn_events[^;]*;/,
    to: '',
  },
  {
    breaks: 'whoever asks a turn to stop is not told that it has ended before',
    of: 'cancel_turn',
    from: / and t\.status = 'running'/,
    to: '',
  },
]
