-- Claims the next summary of a conversation, which is to sum up what comes before p_before on the branch of the message
-- there, for one instance at a time. A
-- claim ends with its summary, or when p_lease_ms have passed, so that another instance follows one that died.
-- No row when there is nothing to do: the conversation is gone, another claim is valid, or all of it is summed up. Else
--   summary  the text of the summary so far, null when there is none
--   history  the newest whole turns since, as far as they take at most p_bytes, oldest first, as
--            [{"user": …, "assistant": …, "tools": the names of those that were called, or null}, …]; a text is cut after an
--            eighth of p_bytes, so that the newest turn always fits
create or replace function colloquy.claim_summary(
  p_user_id text,
  p_conversation_id uuid,
  p_claim uuid,
  p_lease_ms integer,
  p_before integer,
  p_bytes integer
) returns table (summary text, history json)
language plpgsql
as $$
declare
  v_conversation record;
  v_path int4multirange;
  v_through integer := 0;
begin
  perform colloquy.act_as(p_user_id);
  select c.summary_position, c.summary_claimed_until, c.active_path into v_conversation
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id and colloquy.is_live(c.expires_at)
  for no key update;
  if not found or v_conversation.summary_claimed_until >= colloquy.clock() then
    return;
  end if;
  if v_conversation.active_path is not null then
    v_path := colloquy.path_to(
      p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_position => p_before);
    v_conversation.summary_position := colloquy.path_summary(
      p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_newest => v_conversation.summary_position,
      p_path => v_path, p_before => p_before);
  end if;
  if v_conversation.summary_position is not null then
    select m.content, m.summarized_through into summary, v_through
    from colloquy.messages m
    where m.user_id = p_user_id and m.conversation_id = p_conversation_id
      and m.position = v_conversation.summary_position;
  end if;

  select json_agg(json_build_object('user', w.question, 'assistant', w.answer, 'tools', w.tools) order by w.position)
  into history
  from (
    select t.position, t.question, t.answer, t.tools,
      sum(octet_length(t.question) + octet_length(t.answer)) over (order by t.position desc) as bytes
    from (
      select a.position, left(a.question, p_bytes / 8) as question, left(a.answer, p_bytes / 8) as answer,
        (select string_agg(call ->> 'name', ', ') from jsonb_array_elements(a.tool_calls) call) as tools
      from (
        select m.position, m.role, m.status, m.content as answer, m.tool_calls,
          lead(m.content) over (order by m.position desc) as question
        from colloquy.messages m
        where m.user_id = p_user_id and m.conversation_id = p_conversation_id
          and m.position > v_through and m.position < p_before and (v_path is null or v_path @> m.position)
        order by m.position desc
        limit 2000
      ) a
      where a.role = 'assistant' and (a.status = 'completed' or (a.status = 'cancelled' and a.answer <> ''))
        and a.question is not null
    ) t
  ) w
  where w.bytes <= p_bytes;
  if history is null then
    return;
  end if;
  update colloquy.conversations c
  set summary_claim = p_claim, summary_claimed_until = colloquy.stable_clock() + p_lease_ms * interval '1 millisecond'
  where c.user_id = p_user_id and c.id = p_conversation_id;
  return next;
end
$$;
