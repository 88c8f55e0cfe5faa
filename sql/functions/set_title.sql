-- Gives a conversation the title that a model made, null when it made none, unless it has got another title meanwhile.
-- What the title has cost is counted in any case.
create or replace function colloquy.set_title(
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
  perform colloquy.act_as(p_user_id);
  update colloquy.conversations c
  set title = p_title, title_by = 'model', updated_at = colloquy.clock()
  where c.user_id = p_user_id and c.id = p_conversation_id
    and p_title is not null and c.title_by = 'message' and c.title = p_old_title;
  perform colloquy.add_usage(p_user_id => p_user_id, p_model => p_model, p_turns => 0, p_usage => p_usage);
end
$$;
