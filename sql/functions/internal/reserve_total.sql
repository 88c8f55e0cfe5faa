-- Reserves an amount of the budget for all users, on a day whose budget and whose month's budget have to hold it; null is no
-- budget. False, with nothing reserved, when one of them does not. The transaction acts for nobody. Locks: the month's row, until its
-- end, which is the last that a transaction locks.
create or replace function colloquy.reserve_total(p_day date, p_amount bigint, p_per_day bigint, p_per_month bigint)
returns boolean
language plpgsql
as $$
declare
  v_month date := date_trunc('month', p_day::timestamp)::date;
  v_number integer := extract(day from p_day);
  v_is_there boolean := false;
begin
  loop
    -- After a wait for the row it judges what the one before has left.
    update colloquy.total_spending s
    set spent = s.spent + p_amount, days[v_number] = s.days[v_number] + p_amount
    where s.user_id = '' and s.month = v_month
      and (p_per_day is null or s.days[v_number] + p_amount <= p_per_day)
      and (p_per_month is null or s.spent + p_amount <= p_per_month);
    if found then
      return true;
    end if;
    if v_is_there then
      return false;
    end if;
    -- Somebody else may be making it, too, which this waits for; then that one's is judged.
    insert into colloquy.total_spending (user_id, month, spent, days)
    values ('', v_month, 0, array_fill(0::bigint, array[31]))
    on conflict do nothing;
    v_is_there := true;
  end loop;
end
$$;
