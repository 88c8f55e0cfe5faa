-- Erases some of what there is of a user, and gives the number of rows by kind; is_done when nothing was left. Called until
-- then, since one transaction for all of a big user would take longer than a statement may.
--   First the conversations, those with the newest turns first, so that running turns end first: as many as have about
--   p_rows messages together, and one at least, or about p_rows rows of it where it has more.
--   Then, when there are none, what counts against limits, the Idempotency-Keys, the usage and what was noted for streamUpdates.
-- What begins meanwhile is erased or stays, in either case as a whole: a key goes with its conversation, if that is gone.
--
-- Locks: conversations in the order of their ids, then turns. Counts, keys and usage, which others wait for who hold what
-- these wait for, come in a transaction of their own, which locks no conversation. So it cannot deadlock with begins,
-- ends or the tick.
create or replace function colloquy.erase_user(p_user_id text, p_rows integer)
returns table (is_done boolean, erased jsonb)
language plpgsql
as $$
declare
  v_ids uuid[];
  v_rows bigint;
  v_orphans bigint;
  v_keys bigint;
  v_usage bigint;
  v_counts bigint;
  v_waiting bigint;
  v_updates bigint;
  v_streams bigint;
begin
  perform colloquy.act_as(p_user_id);
  select array_agg(n.id), max(n.rows_through) into v_ids, v_rows
  from (
    select c.id, sum(c.last_position + 1) over newest_first as rows_through, row_number() over newest_first as number
    from colloquy.conversations c
    where c.user_id = p_user_id
    window newest_first as (order by c.archived, c.last_turn_at desc, c.id desc)
    order by c.archived, c.last_turn_at desc, c.id desc
    limit greatest(1, p_rows / 10)
  ) n
  where n.rows_through <= p_rows or n.number = 1;
  if v_ids is not null then
    select array_agg(l.id) into v_ids
    from (
      select c.id
      from colloquy.conversations c
      where c.user_id = p_user_id and c.id = any (v_ids)
      order by c.id
      for update
    ) l;
    -- Whole, and not conversation by conversation.
    delete from colloquy.search_indexes i where i.user_id = p_user_id;
    delete from colloquy.search_segments s where s.user_id = p_user_id;
    delete from colloquy.search_tails t where t.user_id = p_user_id;
    is_done := false;
    erased := colloquy.delete_conversations(
      p_user_id => p_user_id, p_conversation_ids => v_ids, p_rows => case when v_rows > p_rows then p_rows end);
    -- So that those who follow the user read everything again.
    delete from colloquy.update_streams s where s.user_id = p_user_id;
    get diagnostics v_streams = row_count;
    erased := erased || jsonb_build_object('updates', v_streams);
    return next;
    return;
  end if;

  -- Before the keys, as begins do.
  delete from colloquy.turn_counts c where c.user_id = p_user_id;
  get diagnostics v_counts = row_count;
  delete from colloquy.waiting_messages w where w.user_id = p_user_id;
  get diagnostics v_waiting = row_count;
  -- A message has no foreign key to its conversation.
  delete from colloquy.messages m
  where m.user_id = p_user_id
    and not exists (select from colloquy.conversations c where c.user_id = p_user_id and c.id = m.conversation_id);
  get diagnostics v_orphans = row_count;
  delete from colloquy.idempotency_keys k
  where k.user_id = p_user_id
    and not exists (select from colloquy.conversations c where c.user_id = p_user_id and c.id = k.conversation_id);
  get diagnostics v_keys = row_count;
  delete from colloquy.usage u where u.user_id = p_user_id;
  get diagnostics v_usage = row_count;
  delete from colloquy.updates u where u.user_id = p_user_id;
  get diagnostics v_updates = row_count;
  delete from colloquy.update_streams s where s.user_id = p_user_id;
  get diagnostics v_streams = row_count;
  is_done := true;
  erased := jsonb_build_object('messages', v_orphans, 'idempotency_keys', v_keys, 'usage', v_usage,
    'limit_counts', v_counts + v_waiting, 'updates', v_updates + v_streams);
  return next;
end
$$;
