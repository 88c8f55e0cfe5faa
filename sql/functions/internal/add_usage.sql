-- Adds to what a user's turns have cost on a day with a model. Turns share this row, so it is the last that a transaction
-- locks, and several are locked in the order of user and model.
create or replace function colloquy.add_usage(
  p_user_id text,
  p_at timestamptz,
  p_model text,
  p_turns bigint,
  p_input_tokens bigint,
  p_output_tokens bigint,
  p_cached_input_tokens bigint,
  p_reasoning_tokens bigint,
  p_total_tokens bigint,
  -- null when it is not known
  p_cost bigint
) returns void
language plpgsql
as $$
begin
  insert into colloquy.usage as u
    (user_id, day, model, turns, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, total_tokens,
     cost)
  values
    (p_user_id, (p_at at time zone 'UTC')::date, p_model, p_turns, coalesce(p_input_tokens, 0),
     coalesce(p_output_tokens, 0), coalesce(p_cached_input_tokens, 0), coalesce(p_reasoning_tokens, 0),
     coalesce(p_total_tokens, 0), p_cost)
  on conflict on constraint usage_pkey do update
  set turns = u.turns + excluded.turns,
    input_tokens = u.input_tokens + excluded.input_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens,
    cached_input_tokens = u.cached_input_tokens + excluded.cached_input_tokens,
    reasoning_tokens = u.reasoning_tokens + excluded.reasoning_tokens,
    total_tokens = u.total_tokens + excluded.total_tokens,
    cost = coalesce(u.cost + excluded.cost, u.cost, excluded.cost);
end
$$;
