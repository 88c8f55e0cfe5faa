-- Adds imported messages to a conversation, which it makes if it is not there. p_conversation is an object with id, title,
-- archived, pinned, metadata, assistant, created_at and last_turn_at; p_messages an array of objects with the columns that are
-- read from it below. Repeating it adds nothing. The outcome is
--   made      the conversation is new
--   added     it is of an earlier import, or an earlier part of this one
--   expired   it has expired, and has to be removed first (purge_expired); then this may be repeated
--   foreign   a turn has been begun in it, so nothing is added
-- taken is the number of messages that were not there yet: the user has each id once, and positions have no gaps. A message
-- whose parent is not the one before it begins a branch. The operator's rule counts from the import on. No time is later than now.
-- Locks: the conversation, then the row of colloquy.update_streams.
create or replace function colloquy.import_messages(
  p_user_id text,
  p_conversation json,
  p_messages json,
  -- the operator's rule, which expiry_of explains
  p_retention json default null
)
returns table (outcome text, taken integer)
language plpgsql
as $$
declare
  v_now timestamptz(3);
  v_conversation record;
  v_message record;
  v_position_before integer;
  v_last_id uuid;
  v_parent record;
  v_parent_id uuid;
  v_parent_position integer;
  v_is_branched boolean;
  v_last_position integer;
  v_last_turn_id uuid;
  v_is_live boolean;
  v_path int4multirange;
begin
  perform colloquy.act_as(p_user_id);
  v_now := colloquy.clock();
  taken := 0;
  v_is_branched := false;
  select * into v_conversation
  from json_to_record(p_conversation) as c (
    id uuid, title text, archived boolean, metadata jsonb, assistant text, created_at timestamptz, last_turn_at timestamptz,
    pinned boolean);
  v_conversation.pinned := coalesce(v_conversation.pinned, false);
  v_conversation.created_at := least(v_conversation.created_at, v_now);
  v_conversation.last_turn_at := least(v_conversation.last_turn_at, v_now);
  insert into colloquy.conversations
    (user_id, id, title, title_by, archived, metadata, assistant, last_position, created_at, updated_at,
     last_turn_at, pinned, retained_from, expires_at)
  values
    (p_user_id, v_conversation.id, v_conversation.title, case when v_conversation.title is null then 'message' else 'user' end,
     v_conversation.archived, v_conversation.metadata, v_conversation.assistant, 0, v_conversation.created_at, v_now, v_conversation.last_turn_at,
     v_conversation.pinned, v_now,
     colloquy.expiry_of(null, v_now, v_conversation.pinned, v_conversation.archived, p_retention))
  on conflict do nothing;
  outcome := case when found then 'made' else 'added' end;
  if outcome = 'made' and p_retention is not null then
    perform colloquy.schedule_removal(p_user_id, v_conversation.id);
  end if;
  select c.last_position, c.last_turn_id, colloquy.is_live(c.expires_at)
  into v_last_position, v_last_turn_id, v_is_live
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = v_conversation.id
  for no key update;
  if not v_is_live then
    outcome := 'expired';
    return next;
    return;
  end if;
  if not found or v_last_turn_id is not null then
    outcome := 'foreign';
    return next;
    return;
  end if;
  v_position_before := v_last_position;
  select m.id into v_last_id
  from colloquy.messages m
  where m.user_id = p_user_id and m.conversation_id = v_conversation.id and m.position = v_last_position;
  for v_message in
    select row_number() over () as number, m.*
    from json_to_recordset(p_messages) as m (
      id uuid, parent_id uuid, role text, content text, window_tokens integer, created_at timestamptz)
    order by number
  loop
    -- Also the last one when the parent is not in the conversation: it is not known where that was.
    v_parent_id := v_last_id;
    v_parent_position := v_last_position;
    if v_message.parent_id is null then
      v_parent_id := null;
      v_parent_position := 0;
    elsif v_message.parent_id <> v_last_id then
      select m.id, m.position into v_parent
      from colloquy.messages m
      where m.user_id = p_user_id and m.id = v_message.parent_id and m.conversation_id = v_conversation.id;
      if found then
        v_parent_id := v_parent.id;
        v_parent_position := v_parent.position;
      end if;
    end if;
    insert into colloquy.messages
      (user_id, conversation_id, position, id, parent_id, role, status, content, window_tokens, created_at)
    values
      (p_user_id, v_conversation.id, v_last_position + 1, v_message.id, v_parent_id, v_message.role, 'completed',
       v_message.content, v_message.window_tokens, least(v_message.created_at, v_now))
    on conflict do nothing;
    if not found then
      continue;
    end if;
    taken := taken + 1;
    v_last_position := v_last_position + 1;
    v_last_id := v_message.id;
    if v_parent_position <> v_last_position - 1 then
      v_is_branched := true;
      perform colloquy.add_branch(
        p_user_id => p_user_id, p_conversation_id => v_conversation.id, p_position => v_last_position,
        p_parent_position => v_parent_position,
        p_ancestors => case
          when v_parent_position = 0 then '{}'
          else colloquy.path_to(
            p_user_id => p_user_id, p_conversation_id => v_conversation.id, p_position => v_parent_position) end);
    end if;
  end loop;
  if taken > 0 then
    -- The newest message's branch is the active one. Looked up here, since Citus takes no function that reads within a case.
    v_path := colloquy.path_to(
      p_user_id => p_user_id, p_conversation_id => v_conversation.id, p_position => v_last_position)
      + int4multirange(int4range(v_last_position + 1, null));
  end if;
  update colloquy.conversations c
  set last_position = v_last_position, updated_at = v_now,
    active_path = case when c.active_path is null and not v_is_branched then null else v_path end
  where c.user_id = p_user_id and c.id = v_conversation.id and c.last_position <> v_last_position;
  -- An imported conversation is not among those with the greatest ids, which a search takes for new.
  if outcome = 'made' or taken > 0 then
    insert into colloquy.search_tails (user_id, conversation_id, sealed_position)
    values (p_user_id, v_conversation.id, case when outcome = 'made' then -1 else v_position_before end)
    on conflict do nothing;
    -- Who follows the user reads everything again, and not conversation by conversation. Last: imports wait for each other here.
    insert into colloquy.update_streams (user_id, since)
    values (p_user_id, colloquy.clock())
    on conflict (user_id) do update set since = excluded.since;
  end if;
  return next;
end
$$;
