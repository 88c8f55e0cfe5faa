-- oldest program: 1

-- Who the title is by: the first message until a model, or the user, gives another.
alter table colloquy.conversations
  add column title_by text not null default 'message' check (title_by in ('message', 'model', 'user'));

-- Gives a conversation the title that a model made, null when it made none, unless it has got another title meanwhile;
-- an older program does not say who a title is by. What the title has cost is counted in any case.
create function colloquy.set_title_v1(
  p_user_id text,
  p_conversation_id uuid,
  p_old_title text,
  p_title text,
  p_model text,
  p_usage jsonb
) returns void
language plpgsql
as $$
begin
  perform colloquy.act_as(array[p_user_id]);
  update colloquy.conversations c
  set title = p_title, title_by = 'model', updated_at = colloquy.clock()
  where c.user_id = p_user_id and c.id = p_conversation_id
    and p_title is not null and c.title_by = 'message' and c.title = p_old_title;
  perform colloquy.add_usage_v1(p_user_id, p_model, 0, p_usage);
end
$$;
