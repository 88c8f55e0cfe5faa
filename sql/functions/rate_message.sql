-- Says what a user thinks of an answer, in place of what was said before; neither a rating nor a comment takes it back. The
-- outcome is
--   rated       updated_at says when; null when nothing is said any more
--   no-answer   the message is none of a model's
--   not-found   there is no such message (any more)
-- Locks: the message, so that the feedback goes with it when it is deleted or another attempt takes its place.
create or replace function colloquy.rate_message(p_user_id text, p_message_id uuid, p_rating text, p_comment text)
returns table (outcome text, updated_at timestamptz)
language plpgsql
as $$
declare
  v_now timestamptz(3);
  v_message record;
begin
  perform colloquy.act_as(p_user_id);
  select m.conversation_id, m.role into v_message
  from colloquy.messages m
  where m.user_id = p_user_id and m.id = p_message_id
    and exists (
      select
      from colloquy.conversations c
      where c.user_id = p_user_id and c.id = m.conversation_id and colloquy.is_live(c.expires_at))
  for key share;
  outcome := case
    when not found then 'not-found'
    when v_message.role <> 'assistant' then 'no-answer'
    else 'rated'
  end;
  if outcome = 'rated' and p_rating is null and p_comment is null then
    delete from colloquy.feedback f
    where f.user_id = p_user_id and f.conversation_id = v_message.conversation_id and f.message_id = p_message_id;
  elsif outcome = 'rated' then
    v_now := colloquy.clock();
    updated_at := v_now;
    insert into colloquy.feedback (user_id, conversation_id, message_id, rating, comment, updated_at)
    values (p_user_id, v_message.conversation_id, p_message_id, p_rating, p_comment, v_now)
    on conflict on constraint feedback_pkey do update
    set rating = excluded.rating, comment = excluded.comment, updated_at = excluded.updated_at;
  end if;
  return next;
end
$$;
