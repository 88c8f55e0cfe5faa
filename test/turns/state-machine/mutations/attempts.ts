import type { Mutation } from '../mutate.js'

/** One attempt at a time: an older one is fenced, and what it has done is known. */
export const attempts: Mutation[] = [
  {
    breaks: 'a stale attempt is fenced',
    of: 'end_turn',
    from: / and t\.attempt = p_attempt/,
    to: '',
  },
  {
    breaks: 'an end whose answer was lost may be repeated',
    of: 'end_turns',
    from: /when v_turn\.attempt = v_entry\.attempt and v_turn\.status = v_entry\.status then 'stored'/,
    to: "when false then ''",
  },
  {
    breaks: 'the end of another attempt is not the end of this one',
    of: 'end_turns',
    from: /when v_turn\.attempt = v_entry\.attempt and v_turn\.status = v_entry\.status then 'stored'/,
    to: "when v_turn.status = v_entry.status then 'stored'",
  },
  {
    breaks: 'a new attempt has a number of its own',
    of: 'resume_turn',
    from: /attempt = t\.attempt \+ 1/,
    to: 'attempt = t.attempt',
  },
  {
    breaks: 'only the last turn is tried again',
    of: 'resume_turn',
    from: /v_lock\.last_turn_id <> v_turn\.id or/,
    to: '',
  },
  {
    breaks: 'another attempt is not asked to stop because the one before was',
    of: 'resume_turn',
    from: /cancel_requested = false/,
    to: 'cancel_requested = t.cancel_requested',
  },
  {
    breaks: 'what a former attempt has done is known to the next',
    of: 'resume_turn',
    from: /exists\(@\.result\)/,
    to: 'exists(@.nothing)',
  },
  {
    breaks: 'what was replayed was done once',
    of: 'resume_turn',
    from: / && !exists\(@\.replayed\)/,
    to: '',
  },
]
