-- The positions that come before a message that is to follow the one at p_position: the branch up to that, with the summaries
-- that are stored right behind it. Position 0 is that of no message, after which a conversation begins anew.
create or replace function colloquy.path_after(p_user_id text, p_conversation_id uuid, p_position integer, p_last_position integer)
returns int4multirange
language plpgsql stable
as $$
declare
  v_next integer;
begin
  if p_position = 0 then
    return '{}';
  end if;
  select m.position into v_next
  from colloquy.messages m
  where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position > p_position and m.role <> 'summary'
  order by m.position
  limit 1;
  return colloquy.path_to(p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_position => p_position)
    + int4multirange(int4range(p_position, coalesce(v_next, p_last_position + 1)));
end
$$;
