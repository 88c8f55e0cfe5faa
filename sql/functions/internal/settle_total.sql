-- Settles what attempts have reserved of the budget for all users: gives back p_amounts[n] of the day p_days[n], what was
-- reserved less what it cost. A negative one is what an attempt cost beyond its reservation; it counts also in a month that has no
-- row (any more), to which nothing can be given back. Locks: the months' rows, in their order, which are the last that a
-- transaction locks.
create or replace function colloquy.settle_total(p_days date[], p_amounts bigint[]) returns void
language plpgsql
as $$
declare
  v_sum record;
begin
  for v_sum in
    select s.day, date_trunc('month', s.day::timestamp)::date as month, extract(day from s.day)::integer as number,
      sum(s.amount)::bigint as amount
    from unnest(p_days, p_amounts) s (day, amount)
    group by s.day
    having sum(s.amount) <> 0
    order by s.day
  loop
    perform colloquy.act_as(null);
    if v_sum.amount < 0 then
      insert into colloquy.total_spending (user_id, month, spent, days)
      values ('', v_sum.month, 0, array_fill(0::bigint, array[31]))
      on conflict do nothing;
    end if;
    update colloquy.total_spending s
    set spent = s.spent - v_sum.amount, days[v_sum.number] = s.days[v_sum.number] - v_sum.amount
    where s.user_id = '' and s.month = v_sum.month;
  end loop;
end
$$;
