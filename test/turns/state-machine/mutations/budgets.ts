import type { Mutation } from '../mutate.js'

/** Money is reserved, settled and given back, once. */
export const budgets: Mutation[] = [
  {
    breaks: 'the tokens of a day are a user’s own',
    of: 'count_turn',
    from: /where u\.user_id = p_user_id and u\.day = v_day/,
    to: 'where u.user_id = p_user_id',
  },
  {
    breaks: 'what running turns have reserved is not spent twice',
    of: 'count_turn',
    from: /select coalesce\(sum\(t\.reserved\), 0\)/,
    to: 'select 0 * coalesce(sum(t.reserved), 0)',
  },
  {
    breaks: 'no turn begins that might pass a budget',
    of: 'count_turn',
    from: /v_day_spent \+ v_reserved > p_budget_per_day/,
    to: 'v_day_spent + v_reserved - p_reserved > p_budget_per_day',
  },
  {
    breaks: 'a month’s budget holds',
    of: 'count_turn',
    from: /v_month_spent \+ v_reserved > p_budget_per_month/,
    to: 'false',
  },
  {
    breaks: 'what a day has cost is spent on that day alone',
    of: 'count_turn',
    from: /filter \(where u\.day >= v_day\)/,
    to: '',
  },
  {
    breaks: 'what is reserved counts until the turn ends',
    of: 'count_turn',
    from: /and t\.status = 'running'\s+\) \+ p_reserved/,
    to: "and t.status = 'running' and t.lease_until >= v_now) + p_reserved",
  },
  {
    breaks: 'a turn that has ended has nothing reserved',
    of: 'end_turn',
    from: /reserved = null,/,
    to: '',
  },
  {
    breaks: 'a retried turn reserves again',
    of: 'resume_turn',
    from: /reserved = p_reserved,/,
    to: '',
  },
  {
    breaks: 'an interrupted turn costs what it has reserved',
    of: 'interrupt_turn',
    from: /p_total_tokens => 0, p_cost => v_turn\.reserved/,
    to: 'p_total_tokens => 0, p_cost => null',
  },
  {
    breaks: 'a turn that is deleted while it runs costs what it has reserved',
    of: 'delete_conversations',
    from: /p_cost => v_cost\.reserved/,
    to: 'p_cost => null',
  },
  {
    breaks: 'what a turn has reserved of the budget for all users is taken from it',
    of: 'reserve_total',
    from: /set spent = s\.spent \+ p_amount, days\[v_number\] = s\.days\[v_number\] \+ p_amount/,
    to: 'set spent = s.spent',
  },
  {
    breaks: 'no turn begins that might pass the budget for all users',
    of: 'begin_turns',
    from: /v_day_spent \+ v_reserved \+ coalesce\(v_entry\.reserved, 0\) > v_entry\.total_per_day/,
    to: 'v_day_spent + v_reserved > v_entry.total_per_day',
  },
  {
    breaks: 'what a turn did not spend of the budget for all users is given back',
    of: 'end_turns',
    from: /coalesce\(v_reserved\.reserved, 0\) - coalesce\(v_entry\.cost, 0\)/,
    to: '0',
  },
  {
    breaks: 'what a deleted turn turns out not to have cost is given back',
    of: 'end_turns',
    from: /v_reserved\.reserved - coalesce\(v_entry\.cost, v_reserved\.reserved\)/,
    to: '0',
  },
  {
    breaks: 'a deleted turn is settled once',
    of: 'end_turns',
    from: /delete from colloquy\.total_reservations r\s+(where [^;]*?)\s+returning (r\.reserved, r\.reserved_on) into v_reserved/,
    to: 'select $2 into v_reserved from colloquy.total_reservations r $1',
  },
  {
    breaks: 'what is given back goes to the day on which it was reserved',
    of: 'settle_total',
    from: /days\[v_sum\.number\] = s\.days\[v_sum\.number\] - v_sum\.amount/,
    to: 'days[extract(day from colloquy.clock())] = s.days[extract(day from colloquy.clock())] - v_sum.amount',
  },
  {
    breaks: 'what a turn cost is added up',
    of: 'add_usage',
    from: /cost = coalesce\(u\.cost \+ excluded\.cost, u\.cost, excluded\.cost\)/,
    to: 'cost = coalesce(excluded.cost, u.cost)',
  },
]
