-- Records that the message at p_position begins a branch, beside the others that follow the one at p_parent_position. The
-- first of these has followed it without a record so far, where it comes right behind it.
create or replace function colloquy.add_branch(
  p_user_id text,
  p_conversation_id uuid,
  p_position integer,
  p_parent_position integer,
  p_ancestors int4multirange
) returns void
language plpgsql
as $$
declare
  v_parent_id uuid;
  v_first record;
begin
  select m.id into v_parent_id
  from colloquy.messages m
  where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position = p_parent_position;
  select m.position, m.parent_id into v_first
  from colloquy.messages m
  where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position > p_parent_position
    and m.role <> 'summary'
  order by m.position
  limit 1;
  if v_first.parent_id is not distinct from v_parent_id then
    insert into colloquy.branches (user_id, conversation_id, position, parent_position)
    values (p_user_id, p_conversation_id, v_first.position, p_parent_position)
    on conflict do nothing;
  end if;
  insert into colloquy.branches (user_id, conversation_id, position, parent_position, ancestors)
  values (p_user_id, p_conversation_id, p_position, p_parent_position, p_ancestors);
end
$$;
