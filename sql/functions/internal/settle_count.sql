-- Sets right what count_turn has counted in this transaction: p_begun_id is the turn that has begun, another one when its
-- key was used before, and null when none has. p_is_minute, p_is_day: whether it was counted for the
-- minute and the day. A row that then counts nothing goes: a begin in vain, also one that waited while its user was erased,
-- leaves nothing of the user. The caller has the lock of the counts.
create or replace function colloquy.settle_count(p_user_id text, p_turn_id uuid, p_begun_id uuid, p_is_minute boolean, p_is_day boolean)
returns void
language plpgsql
as $$
begin
  if p_begun_id is null then
    update colloquy.turn_counts c
    set running = array_remove(c.running, p_turn_id),
      minute_turns = c.minute_turns - p_is_minute::integer, day_turns = c.day_turns - p_is_day::integer
    where c.user_id = p_user_id;
    delete from colloquy.turn_counts c
    where c.user_id = p_user_id and c.running = '{}' and c.minute_turns = 0 and c.day_turns = 0;
  elsif p_begun_id <> p_turn_id then
    update colloquy.turn_counts c
    set running = array_replace(array_remove(c.running, p_begun_id), p_turn_id, p_begun_id)
    where c.user_id = p_user_id;
  end if;
end
$$;
