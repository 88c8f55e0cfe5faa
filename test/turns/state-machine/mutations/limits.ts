import type { Mutation } from '../mutate.js'

/** A limit is a limit. */
export const limits: Mutation[] = [
  {
    breaks: 'no more turns run than may',
    of: 'count_turn',
    from: /cardinality\(v_counts\.running\) >= p_running_turns/,
    to: 'false',
  },
  {
    breaks: 'a turn that has ended makes room',
    of: 'count_turn',
    from: /where t\.status = 'running'\s+order by/,
    to: 'order by',
  },
  {
    breaks: 'a turn counts until somebody has interrupted it',
    of: 'count_turn',
    from: /where t\.status = 'running'\s+order by/,
    to: "where t.status = 'running' and t.lease_until >= v_now order by",
  },
  {
    breaks: 'no more turns begin in a minute than may',
    of: 'count_turn',
    from: /v_counts\.minute_turns >= p_turns_per_minute/,
    to: 'false',
  },
  {
    breaks: 'no more turns begin in a day than may',
    of: 'count_turn',
    from: /v_counts\.day_turns >= p_turns_per_day/,
    to: 'false',
  },
  {
    breaks: 'a day ends',
    of: 'count_turn',
    from: /if v_counts\.day < v_day then/,
    to: 'if false then',
  },
  {
    breaks: 'what does not begin is not counted',
    of: 'settle_count',
    from: /if p_begun_id is null then/,
    to: 'if false then',
  },
  {
    breaks: 'a turn that is tried again is counted by its own id',
    of: 'settle_count',
    from: /elsif p_begun_id <> p_turn_id then/,
    to: 'elsif false then',
  },
  {
    breaks: 'past a limit nothing begins: a new turn',
    of: 'begin_turn',
    from: /elsif not p_may_begin then/,
    to: 'elsif false then',
  },
  {
    breaks: 'past a limit nothing begins: another attempt',
    of: 'resume_turn',
    from: /elsif not p_may_begin then/,
    to: 'elsif false then',
  },
]
