-- Deletes conversations with everything that belongs to them, and gives the number of rows by kind. A new table whose rows
-- go with a conversation is added here, and nowhere else.
-- With p_rows no more turns and messages than that are deleted, and the conversations only if that was all of them: a big one
-- takes several calls, in transactions of their own, and has expired for ever from the first one on. Whoever makes that need not
-- make the others: the removal of expired conversations does.
-- The caller has locked the conversations (for update), so that no turn begins in them. Locks: their running turns before
-- what those have said, then usage, as everybody does, so that a turn that ends at the same moment cannot deadlock with it, nor leave a
-- message behind; what is kept of running turns comes last (see keep_reservations).
create or replace function colloquy.delete_conversations(
  p_user_id text,
  p_conversation_ids uuid[],
  p_rows integer default null
) returns jsonb
language plpgsql
as $$
declare
  v_running uuid[];
  v_some uuid[];
  v_cost record;
  v_costs jsonb;
  v_reservations jsonb;
  v_events bigint;
  v_turns bigint;
  v_messages bigint;
  v_feedback bigint;
  v_conversations bigint;
  v_is_all boolean;
begin
  select array_agg(r.id) into v_running
  from (
    -- Only the last turn of a conversation runs, so the others need not be read, part by part.
    select t.id
    from colloquy.conversations c
    join colloquy.turns t on t.user_id = c.user_id and t.id = c.last_turn_id
    where c.user_id = p_user_id and c.id = any (p_conversation_ids) and t.status = 'running'
    order by t.id
    for update of t
  ) r;
  if v_running is not null then
    v_costs := (
      select jsonb_object_agg(r.model, r.reserved)
      from (
        select t.model, sum(t.reserved) as reserved
        from colloquy.turns t
        where t.user_id = p_user_id and t.id = any (v_running) and t.reserved is not null
        group by t.model
      ) r);
    v_reservations := (
      select jsonb_agg(r)
      from (
        select t.id as turn_id, t.attempt, t.reserved, t.reserved_on
        from colloquy.turns t
        where t.user_id = p_user_id and t.id = any (v_running) and t.reserved > 0 and t.reserved_on is not null
      ) r);
  end if;
  delete from colloquy.turn_events e where e.user_id = p_user_id and e.turn_id = any (v_running);
  get diagnostics v_events = row_count;
  if p_rows is null then
    delete from colloquy.turns t where t.user_id = p_user_id and t.conversation_id = any (p_conversation_ids);
    get diagnostics v_turns = row_count;
    delete from colloquy.messages m where m.user_id = p_user_id and m.conversation_id = any (p_conversation_ids);
    get diagnostics v_messages = row_count;
    -- After their messages, which whoever rates one has locked.
    delete from colloquy.feedback f where f.user_id = p_user_id and f.conversation_id = any (p_conversation_ids);
    get diagnostics v_feedback = row_count;
    v_is_all := true;
  else
    select array_agg(s.id) into v_some
    from (
      select t.id
      from colloquy.turns t
      where t.user_id = p_user_id and t.conversation_id = any (p_conversation_ids)
      limit p_rows
    ) s;
    -- The running ones first, since what they cost is counted now.
    delete from colloquy.turns t where t.user_id = p_user_id and (t.id = any (v_some) or t.id = any (v_running));
    get diagnostics v_turns = row_count;
    select array_agg(s.id) into v_some
    from (
      select m.id
      from colloquy.messages m
      where m.user_id = p_user_id and m.conversation_id = any (p_conversation_ids)
      limit p_rows
    ) s;
    delete from colloquy.messages m where m.user_id = p_user_id and m.id = any (v_some);
    get diagnostics v_messages = row_count;
    delete from colloquy.feedback f
    where f.user_id = p_user_id and f.conversation_id = any (p_conversation_ids) and f.message_id = any (v_some);
    get diagnostics v_feedback = row_count;
    v_is_all := greatest(v_turns, v_messages) < p_rows;
  end if;
  perform colloquy.unindex_conversations(p_user_id => p_user_id, p_conversation_ids => p_conversation_ids);
  v_conversations := 0;
  if v_is_all then
    delete from colloquy.removals r where r.user_id = p_user_id and r.conversation_id = any (p_conversation_ids);
    delete from colloquy.conversations c where c.user_id = p_user_id and c.id = any (p_conversation_ids);
    get diagnostics v_conversations = row_count;
  else
    update colloquy.conversations c
    set own_expires_at = '-infinity', expires_at = '-infinity'
    where c.user_id = p_user_id and c.id = any (p_conversation_ids) and c.own_expires_at is distinct from '-infinity';
    if found then
      insert into colloquy.removals (user_id, conversation_id, remove_at)
      select p_user_id, i.id, '-infinity'
      from unnest(p_conversation_ids) i (id)
      on conflict on constraint removals_pkey do update
      set remove_at = excluded.remove_at;
    end if;
  end if;
  -- As when they are interrupted: what the running ones have reserved of a budget is what they cost.
  for v_cost in
    select c.key as model, c.value::bigint as reserved
    from jsonb_each_text(v_costs) c
    order by c.key collate "C"
  loop
    perform colloquy.add_usage(
      p_user_id => p_user_id, p_at => colloquy.clock(), p_model => v_cost.model, p_turns => 0, p_input_tokens => 0,
      p_output_tokens => 0, p_cached_input_tokens => 0, p_reasoning_tokens => 0, p_total_tokens => 0,
      p_cost => v_cost.reserved);
  end loop;
  -- The budget for all users is given back what they turn out not to have cost.
  if v_reservations is not null then
    perform colloquy.keep_reservations(v_reservations);
    perform colloquy.act_as(p_user_id);
  end if;
  return jsonb_build_object(
    'conversations', v_conversations, 'turns', v_turns, 'messages', v_messages,
    'feedback', v_feedback, 'stream_events', v_events);
end
$$;
