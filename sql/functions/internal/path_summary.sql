-- The position of the newest summary that sums up messages of a path alone, and of those before p_before; null when there is
-- none. Null for the path stands for a conversation without branches. It begins with the newest summary of any branch.
create or replace function colloquy.path_summary(
  p_user_id text,
  p_conversation_id uuid,
  p_newest integer,
  p_path int4multirange,
  p_before integer
) returns integer
language plpgsql stable
as $$
declare
  v_position integer := p_newest;
  v_summary record;
begin
  while v_position is not null and p_path is not null loop
    select m.summarized_through, m.previous_summary into v_summary
    from colloquy.messages m
    where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position = v_position;
    -- Whatever comes before a message of the path is on the path, too.
    exit when p_path @> v_summary.summarized_through and v_summary.summarized_through < p_before;
    v_position := v_summary.previous_summary;
  end loop;
  return v_position;
end
$$;
