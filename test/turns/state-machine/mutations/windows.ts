import type { Mutation } from '../mutate.js'

/** A model is told of completed turns, within bounds. */
export const windows: Mutation[] = [
  {
    breaks: 'failed turns are never sent to a model',
    of: 'history_window',
    from: /a\.status = 'completed' or/,
    to: "a.status in ('completed', 'failed') or",
  },
  {
    breaks: 'the history is bounded by messages',
    of: 'history_window',
    from: /<= v_turns as fits/,
    to: '<= 2 * v_turns as fits',
  },
  {
    breaks: 'the history is bounded by tokens',
    of: 'history_window',
    from: /<= v_tokens/,
    to: '<= 2 * v_tokens',
  },
  {
    breaks: 'the history begins where the window does',
    of: 'history_window',
    from: /greatest\(p_start, /,
    to: 'greatest(p_start - 2, ',
  },
  {
    breaks: 'whoever fits the window is told when there is more of it',
    of: 'history_window',
    from: /coalesce\(bool_and\(w\.fits\), true\)/,
    to: 'true',
  },
  {
    breaks: 'a turn takes over where the window began',
    of: 'begin_turn',
    from: /\n {5}v_window_starts, p_reserved, p_reserved_on, v_now\)/,
    to: ' null, p_reserved, p_reserved_on, v_now)',
  },
  {
    breaks: 'a window that moved is stored',
    of: 'end_turn',
    from: /jsonb_build_object\(p_window_size, p_window_start\)/,
    to: "'{}'",
  },
  {
    breaks: 'calls are told to later turns as they were stored for them',
    of: 'history_window',
    from: /coalesce\(w\.history_calls, w\.tool_calls\)/,
    to: 'w.tool_calls',
  },
]
