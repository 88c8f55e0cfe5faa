-- Counts a turn against its user's limits, for the user that the transaction acts for, and locks the user's counts until
-- its end. A limit that is null does not hold, and is not counted for. A turn that was counted before is not counted again.
--   is_counted  it is counted now; settle_count is to be told what became of it
--   refusal     the limit that is reached, else null: {"limit", "max", "reset_s" (seconds until it allows more, null where
--               that is up to the running turns), "lapsed" (the running turns whose leases have run out)}
create or replace function colloquy.count_turn(
  p_user_id text,
  p_turn_id uuid,
  p_running_turns integer,
  p_turns_per_minute integer,
  p_turns_per_day integer,
  p_tokens_per_day bigint,
  -- what the turn may cost at most; null where no budget is to be kept
  p_reserved bigint,
  p_budget_per_day bigint,
  p_budget_per_month bigint,
  out is_counted boolean,
  out refusal json
)
language plpgsql
as $$
declare
  v_now timestamptz(3);
  v_day date;
  v_counts record;
  v_lapsed json;
  v_day_spent bigint;
  v_month_spent bigint;
  v_reserved bigint;
begin
  is_counted := false;
  -- Somebody may delete the row between the two statements.
  loop
    select c.running, c.minute_started_at, c.minute_turns, c.day, c.day_turns into v_counts
    from colloquy.turn_counts c
    where c.user_id = p_user_id
    for no key update;
    exit when found;
    v_now := colloquy.clock();
    insert into colloquy.turn_counts (user_id, running, minute_started_at, minute_turns, day, day_turns)
    values (p_user_id, '{}', v_now, 0, (v_now at time zone 'UTC')::date, 0)
    on conflict do nothing;
  end loop;
  if p_turn_id = any (v_counts.running) then
    return;
  end if;
  v_now := colloquy.clock();
  v_day := greatest(v_counts.day, (v_now at time zone 'UTC')::date);
  if v_counts.minute_started_at <= v_now - interval '1 minute' then
    v_counts.minute_started_at := v_now;
    v_counts.minute_turns := 0;
  end if;
  if v_counts.day < v_day then
    v_counts.day_turns := 0;
  end if;
  -- Those that have ended are looked for when there are as many as may run, or so many that the row gets long. In a
  -- statement of its own: it sees the turns of those who had the lock before. A turn whose lease has run out still
  -- counts: an outage of the database lets all leases run out, and most of those turns go on.
  if cardinality(v_counts.running) >= least(p_running_turns, 64) or p_reserved is not null then
    v_counts.running := array(
      select r.id
      from unnest(v_counts.running) with ordinality as r (id, n)
      join colloquy.turns t on t.user_id = p_user_id and t.id = r.id
      where t.status = 'running'
      order by r.n);
  end if;
  if p_reserved is not null or p_running_turns <= cardinality(v_counts.running) then
    v_lapsed := (
      select coalesce(json_agg(t.id order by t.id), '[]')
      from colloquy.turns t
      where t.user_id = p_user_id and t.id = any (v_counts.running) and t.lease_until < v_now);
  end if;

  if p_reserved is not null then
    -- One statement, which sees a turn that ends either among what is reserved or among what was spent: both change in one
    -- transaction.
    select coalesce(sum(u.cost) filter (where u.day >= v_day), 0), coalesce(sum(u.cost), 0),
      (
        select coalesce(sum(t.reserved), 0)
        from colloquy.turns t
        where t.user_id = p_user_id and t.id = any (v_counts.running) and t.status = 'running'
      ) + p_reserved
    into v_day_spent, v_month_spent, v_reserved
    from colloquy.usage u
    where u.user_id = p_user_id and u.day >= date_trunc('month', v_day::timestamp)::date;
  end if;

  refusal := case
    when cardinality(v_counts.running) >= p_running_turns then
      json_build_object('limit', 'running-turns', 'max', p_running_turns, 'lapsed', v_lapsed, 'reset_s', null)
    when v_counts.minute_turns >= p_turns_per_minute then
      json_build_object('limit', 'turns-per-minute', 'max', p_turns_per_minute, 'lapsed', '[]'::json, 'reset_s',
        ceil(extract(epoch from v_counts.minute_started_at + interval '1 minute' - v_now)))
    when v_counts.day_turns >= p_turns_per_day then
      json_build_object('limit', 'turns-per-day', 'max', p_turns_per_day, 'lapsed', '[]'::json, 'reset_s',
        ceil(extract(epoch from (v_day + 1)::timestamp at time zone 'UTC' - v_now)))
    when p_tokens_per_day <= (
      select coalesce(sum(u.total_tokens), 0)
      from colloquy.usage u
      where u.user_id = p_user_id and u.day = v_day) then
      json_build_object('limit', 'tokens-per-day', 'max', p_tokens_per_day, 'lapsed', '[]'::json, 'reset_s',
        ceil(extract(epoch from (v_day + 1)::timestamp at time zone 'UTC' - v_now)))
    -- What running turns have reserved may come back at any time.
    when v_day_spent + v_reserved > p_budget_per_day then
      json_build_object('limit', 'budget-per-day', 'max', p_budget_per_day, 'lapsed', v_lapsed, 'reset_s',
        case when v_day_spent + p_reserved > p_budget_per_day then
          ceil(extract(epoch from (v_day + 1)::timestamp at time zone 'UTC' - v_now)) end)
    when v_month_spent + v_reserved > p_budget_per_month then
      json_build_object('limit', 'budget-per-month', 'max', p_budget_per_month, 'lapsed', v_lapsed, 'reset_s',
        case when v_month_spent + p_reserved > p_budget_per_month then
          ceil(extract(epoch from
            (date_trunc('month', v_day::timestamp) + interval '1 month') at time zone 'UTC' - v_now)) end)
  end;
  is_counted := refusal is null;
  if is_counted then
    update colloquy.turn_counts c
    set running = v_counts.running || p_turn_id,
      minute_started_at = v_counts.minute_started_at,
      minute_turns = v_counts.minute_turns + case when p_turns_per_minute is null then 0 else 1 end,
      day = v_day,
      day_turns = v_counts.day_turns + case when p_turns_per_day is null then 0 else 1 end
    where c.user_id = p_user_id;
  end if;
end
$$;
