-- Keeps what attempts have reserved of the budget for all users when their turns are deleted: p_attempts is an array of objects
-- with the columns of the table. What their ends have not asked for by the day after is forgotten when others are kept: it stays
-- taken. The transaction acts for nobody afterwards. Locks: rows of turns that it has deleted, and old ones, for which it does not wait.
create or replace function colloquy.keep_reservations(p_attempts jsonb) returns void
language plpgsql
as $$
declare
  v_old uuid[];
begin
  perform colloquy.act_as(null);
  select array_agg(o.turn_id) into v_old
  from (
    select r.turn_id
    from colloquy.total_reservations r
    where r.user_id = '' and r.reserved_on < (colloquy.clock() at time zone 'UTC')::date - 1
    limit 100
    for update skip locked
  ) o;
  if v_old is not null then
    delete from colloquy.total_reservations r where r.user_id = '' and r.turn_id = any (v_old);
  end if;
  insert into colloquy.total_reservations (user_id, turn_id, attempt, reserved, reserved_on)
  select '', a.turn_id, a.attempt, a.reserved, a.reserved_on
  from jsonb_to_recordset(p_attempts) a (turn_id uuid, attempt integer, reserved bigint, reserved_on date)
  on conflict do nothing;
end
$$;
