-- The positions of the branch that ends with the message at a position: those of the messages before it, and its own. It is
-- one look-up, however long or deeply branched the conversation is.
create or replace function colloquy.path_to(p_user_id text, p_conversation_id uuid, p_position integer)
returns int4multirange
language plpgsql stable
as $$
declare
  v_branch record;
begin
  select b.position, b.ancestors into v_branch
  from colloquy.branches b
  where b.user_id = p_user_id and b.conversation_id = p_conversation_id and b.position <= p_position
    and b.ancestors is not null
  order by b.position desc
  limit 1;
  if not found then
    return int4multirange(int4range(1, p_position + 1));
  end if;
  return v_branch.ancestors + int4multirange(int4range(v_branch.position, p_position + 1));
end
$$;
