-- Looks at a conversation of the acting user whose time in colloquy.removals has come, and removes at most about p_rows rows of
-- it if it has expired. Gives how many rows that took, one at least, and p_rows at least when a turn of it ran: then usage is
-- locked, and nothing may be waited for any more. It waits for nobody but an end of that turn: a conversation that somebody holds
-- is looked at again a minute later. One whose turn runs is looked at when the turn's lease would run out: what has begun may
-- end, and whoever waits for it gets its answer.
create or replace function colloquy.remove_conversation(p_user_id text, p_conversation_id uuid, p_rows integer) returns integer
language plpgsql
as $$
declare
  v_now timestamptz(3);
  v_conversation record;
  v_remove_at timestamptz(3);
  v_lease_until timestamptz(3);
  v_has_run boolean;
  v_removed jsonb;
begin
  select c.expires_at, c.last_turn_id into v_conversation
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id
  for update skip locked;
  v_now := colloquy.clock();
  if found then
    v_remove_at := v_conversation.expires_at;
    if v_remove_at <= v_now then
      select t.lease_until into v_lease_until
      from colloquy.turns t
      where t.user_id = p_user_id and t.id = v_conversation.last_turn_id and t.status = 'running';
      v_has_run := found;
      if not v_has_run or v_lease_until < v_now then
        v_removed := colloquy.delete_conversations(
          p_user_id => p_user_id, p_conversation_ids => array[p_conversation_id], p_rows => p_rows);
        -- Once: a big one is removed in parts, and whoever removed the first one (delete_conversation, too) has let it expire so.
        if v_conversation.expires_at <> '-infinity' then
          perform colloquy.note_update(p_user_id, p_conversation_id, 'conversation-deleted');
        end if;
        return greatest(case when v_has_run then p_rows else 1 end, (select sum(e.value::integer) from jsonb_each_text(v_removed) e));
      end if;
      v_remove_at := v_lease_until + interval '1 millisecond';
    end if;
  elsif exists (select from colloquy.conversations c where c.user_id = p_user_id and c.id = p_conversation_id) then
    v_remove_at := v_now + interval '1 minute';
  end if;
  if v_remove_at is null then
    delete from colloquy.removals r where r.user_id = p_user_id and r.conversation_id = p_conversation_id;
  else
    update colloquy.removals r
    set remove_at = v_remove_at
    where r.user_id = p_user_id and r.conversation_id = p_conversation_id;
  end if;
  return 1;
end
$$;
