import type { Mutation } from '../mutate.js'

/** Each entry of a batch acts for its own user, and has its own answer. */
export const batches: Mutation[] = [
  {
    breaks: 'an entry of a batch acts for its own user: a begin',
    of: 'begin_turns',
    from: /v_user_id is distinct from v_entry\.user_id/,
    to: 'v_user_id is null',
  },
  {
    breaks: 'an entry of a batch acts for its own user: an end',
    of: 'end_turns',
    from: /v_user_id is distinct from v_entry\.user_id/,
    to: 'v_user_id is null',
  },
  {
    breaks: 'what a batch has cost is each user’s own',
    of: 'end_turns',
    from: /v_user_id is distinct from v_sum\.user_id/,
    to: 'v_user_id is null',
  },
  {
    breaks: 'what a batch has cost is each model’s own',
    of: 'end_turns',
    from: /select e\.user_id, e\.model, count/,
    to: 'select e.user_id, min(e.model) over (partition by e.user_id) as model, count',
  },
  {
    breaks: 'an end that comes twice in a batch counts once',
    of: 'end_turns',
    from: /where e\.number = any \(v_ended\)/,
    to: '',
  },
  {
    breaks: 'an answer is for its own entry: begins',
    of: 'begin_turns',
    from: /entry := v_entry\.number;/,
    to: 'entry := coalesce(entry, 0) + 1;',
  },
  {
    breaks: 'an answer is for its own entry: ends',
    of: 'end_turns',
    from: /entry := v_entry\.number;/,
    to: 'entry := coalesce(entry, 0) + 1;',
  },
]
