-- Adds to a user's usage of the day (UTC) and model. Called last of all that lock, new rows aside: whoever waits for the
-- row of a user's day holds a conversation and a turn that nobody asks for who holds that row, so that two turns that
-- end at once cannot deadlock.
create or replace function colloquy.add_usage(p_user_id text, p_model text, p_turns integer, p_usage jsonb) returns void
language plpgsql
as $$
begin
  insert into colloquy.usage as u
    (user_id, day, model, turns, input_tokens, output_tokens, cached_input_tokens, total_tokens)
  values
    (p_user_id, (colloquy.clock() at time zone 'UTC')::date, p_model, p_turns,
     coalesce((p_usage ->> 'input_tokens')::bigint, 0),
     coalesce((p_usage ->> 'output_tokens')::bigint, 0),
     coalesce((p_usage ->> 'cached_input_tokens')::bigint, 0),
     coalesce((p_usage ->> 'total_tokens')::bigint, 0))
  on conflict on constraint usage_pkey do update
  set turns = u.turns + excluded.turns,
      input_tokens = u.input_tokens + excluded.input_tokens,
      output_tokens = u.output_tokens + excluded.output_tokens,
      cached_input_tokens = u.cached_input_tokens + excluded.cached_input_tokens,
      total_tokens = u.total_tokens + excluded.total_tokens;
end
$$;
