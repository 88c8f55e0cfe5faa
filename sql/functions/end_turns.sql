-- Ends attempts, each for its own user, however they ended, adds what they cost to the users' usage, and gives back what they
-- have reserved beyond that of the budget for all users.
--
-- p_entries is an array of objects with the columns that are read from it below; has_events is false when the attempt
-- has certainly stored no events. Each row answers the entry of that number, from 1 on. outcome is
--   stored     the end is stored; also when this very end was stored before
--   fenced     another attempt, or another end, came first
--   not-found  the turn was deleted meanwhile, with its conversation; of the budget for all users it is settled all the same
--   locked     another transaction holds the turn, and p_may_wait is false: nothing was written
--
-- Locks: turns, in the order of user and turn; then usage, once for each user and model, in that order; then what deleted turns
-- have reserved, in the order of the turns; then the budget for all users.
--
-- p_user_id: see begin_turns.
create or replace function colloquy.end_turns(p_entries json, p_may_wait boolean, p_user_id text default '')
returns table (entry integer, outcome text)
language plpgsql
as $$
declare
  v_entry record;
  v_turn record;
  v_reserved record;
  v_sum record;
  v_user_id text;
  v_may_end boolean;
  v_has_ended boolean;
  v_ended integer[] := '{}';
  v_gone integer[] := '{}';
  -- what is given back of the budget for all users, and of which days
  v_days date[] := '{}';
  v_amounts bigint[] := '{}';
begin
  perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  for v_entry in
    select row_number() over ()::integer as number, e.*
    from json_to_recordset(p_entries) as e (
      user_id text, turn_id uuid, attempt integer, model text, status text, content text, tool_calls jsonb,
      window_tokens integer, history_calls jsonb, reasoning jsonb, continuation jsonb, window_size integer,
      window_start integer, input_tokens integer, output_tokens integer, cached_input_tokens integer,
      reasoning_tokens integer, total_tokens integer, cost bigint, error_code text, finish_reason text,
      has_events boolean)
    order by e.user_id collate "C", e.turn_id, number
  loop
    if v_user_id is distinct from v_entry.user_id then
      v_user_id := v_entry.user_id;
      perform colloquy.act_as(v_user_id);
    end if;
    entry := v_entry.number;
    if p_may_wait then
      select t.reserved, t.reserved_on into v_reserved
      from colloquy.turns t
      where t.user_id = v_user_id and t.id = v_entry.turn_id
      for no key update;
    else
      select t.reserved, t.reserved_on into v_reserved
      from colloquy.turns t
      where t.user_id = v_user_id and t.id = v_entry.turn_id
      for no key update skip locked;
    end if;
    v_may_end := found;
    v_has_ended := v_may_end and colloquy.end_turn(
      p_user_id => v_user_id, p_turn_id => v_entry.turn_id, p_attempt => v_entry.attempt, p_model => v_entry.model,
      p_status => v_entry.status, p_content => v_entry.content, p_tool_calls => v_entry.tool_calls,
      p_window_tokens => v_entry.window_tokens, p_history_calls => v_entry.history_calls,
      p_reasoning => v_entry.reasoning, p_continuation => v_entry.continuation,
      p_window_size => v_entry.window_size, p_window_start => v_entry.window_start,
      p_input_tokens => v_entry.input_tokens, p_output_tokens => v_entry.output_tokens,
      p_cached_input_tokens => v_entry.cached_input_tokens, p_reasoning_tokens => v_entry.reasoning_tokens,
      p_total_tokens => v_entry.total_tokens, p_cost => v_entry.cost,
      p_error_code => v_entry.error_code, p_finish_reason => v_entry.finish_reason, p_has_events => v_entry.has_events);
    if v_has_ended then
      outcome := 'stored';
      v_ended := v_ended || entry;
      if v_reserved.reserved_on is not null then
        v_days := v_days || v_reserved.reserved_on;
        v_amounts := v_amounts || (coalesce(v_reserved.reserved, 0) - coalesce(v_entry.cost, 0));
      end if;
    else
      select t.status, t.attempt into v_turn
      from colloquy.turns t
      where t.user_id = v_user_id and t.id = v_entry.turn_id;
      outcome := case
        when not found then 'not-found'
        when v_turn.attempt = v_entry.attempt and v_turn.status = 'running' then 'locked'
        when v_turn.attempt = v_entry.attempt and v_turn.status = v_entry.status then 'stored'
        else 'fenced'
      end;
      if outcome = 'not-found' then
        v_gone := v_gone || entry;
      end if;
    end if;
    return next;
  end loop;

  for v_sum in
    select e.user_id, e.model, count(*) filter (where e.attempt = 1) as turns, sum(e.input_tokens) as input_tokens,
      sum(e.output_tokens) as output_tokens, sum(e.cached_input_tokens) as cached_input_tokens,
      sum(e.reasoning_tokens) as reasoning_tokens,
      sum(e.total_tokens) as total_tokens, sum(e.cost) as cost
    from (
      select row_number() over () as number, each.*
      from json_to_recordset(p_entries) as each (
        user_id text, model text, attempt integer, input_tokens bigint, output_tokens bigint, cached_input_tokens bigint,
        reasoning_tokens bigint, total_tokens bigint, cost bigint)
    ) e
    where e.number = any (v_ended)
    group by e.user_id, e.model
    order by e.user_id collate "C", e.model collate "C"
  loop
    if v_user_id is distinct from v_sum.user_id then
      v_user_id := v_sum.user_id;
      perform colloquy.act_as(v_user_id);
    end if;
    -- The first attempt counts the turn, every attempt its tokens.
    perform colloquy.add_usage(
      p_user_id => v_user_id, p_at => colloquy.clock(), p_model => v_sum.model, p_turns => v_sum.turns,
      p_input_tokens => v_sum.input_tokens::bigint, p_output_tokens => v_sum.output_tokens::bigint,
      p_cached_input_tokens => v_sum.cached_input_tokens::bigint,
      p_reasoning_tokens => v_sum.reasoning_tokens::bigint, p_total_tokens => v_sum.total_tokens::bigint,
      p_cost => v_sum.cost::bigint);
  end loop;
  if v_gone <> '{}' then
    perform colloquy.act_as(null);
    for v_entry in
      select e.turn_id, e.attempt, e.cost
      from (
        select row_number() over () as number, each.*
        from json_to_recordset(p_entries) as each (turn_id uuid, attempt integer, cost bigint)
      ) e
      where e.number = any (v_gone)
      order by e.turn_id
    loop
      delete from colloquy.total_reservations r
      where r.user_id = '' and r.turn_id = v_entry.turn_id and r.attempt = v_entry.attempt
      returning r.reserved, r.reserved_on into v_reserved;
      if found then
        v_days := v_days || v_reserved.reserved_on;
        v_amounts := v_amounts || (v_reserved.reserved - coalesce(v_entry.cost, v_reserved.reserved));
      end if;
    end loop;
  end if;
  if v_days <> '{}' then
    perform colloquy.settle_total(p_days => v_days, p_amounts => v_amounts);
  end if;
end
$$;
