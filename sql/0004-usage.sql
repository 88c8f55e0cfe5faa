-- oldest program: 1

alter table colloquy.turns add column cached_input_tokens integer;

-- What a user's turns have cost, summed per day (UTC) and model. It holds no text, and outlives the conversations.
create table colloquy.usage (
  user_id text not null,
  day date not null,
  model text not null,
  turns bigint not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cached_input_tokens bigint not null,
  total_tokens bigint not null,
  primary key (user_id, day, model)
) with (fillfactor = 80);

alter table colloquy.usage enable row level security, force row level security;

create policy acting_users on colloquy.usage
  using (coalesce((select colloquy.acting_user_set()) ? user_id, false));

-- Called by other functions only, and last of all that they lock, new rows aside: whoever waits for the row of a user's
-- day holds a conversation and a turn that nobody asks for who holds that row, so that two turns that end at once cannot
-- deadlock.
create function colloquy.add_usage_v1(p_user_id text, p_model text, p_turns integer, p_usage jsonb) returns void
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

-- Called by other functions only; in place, because what calls it, in either version of the program, wants the same.
-- Ends the turn that holds the conversation, whose row the caller has locked: the answer's row, the turn's end, the
-- conversation's release, the end of the turn's events and its usage are one write.
create or replace function colloquy.end_turn_v1(
  p_user_id text,
  p_turn_id uuid,
  p_status text,
  p_content text,
  p_tool_calls jsonb,
  p_usage jsonb,
  p_error_code text,
  p_error_detail text
) returns void
language plpgsql
as $$
declare
  v_turn colloquy.turns;
  v_position integer;
begin
  update colloquy.turns t
  set status = p_status,
      lease_until = null,
      finished_at = colloquy.clock(),
      input_tokens = (p_usage ->> 'input_tokens')::integer,
      output_tokens = (p_usage ->> 'output_tokens')::integer,
      cached_input_tokens = (p_usage ->> 'cached_input_tokens')::integer,
      total_tokens = (p_usage ->> 'total_tokens')::integer,
      error_code = p_error_code,
      error_detail = p_error_detail
  where t.user_id = p_user_id and t.id = p_turn_id
  returning t.* into strict v_turn;

  update colloquy.conversations c
  set message_count = c.message_count + 1,
      running_turn_id = null,
      updated_at = colloquy.clock()
  where c.user_id = p_user_id and c.id = v_turn.conversation_id and c.running_turn_id = p_turn_id
  returning c.message_count into strict v_position;

  insert into colloquy.messages
    (user_id, conversation_id, position, id, turn_id, parent_id, role, status, content, tool_calls, created_at)
  values
    (p_user_id, v_turn.conversation_id, v_position, v_turn.message_id, p_turn_id, v_turn.user_message_id,
     'assistant', p_status, p_content, p_tool_calls, colloquy.clock());

  delete from colloquy.turn_events e where e.user_id = p_user_id and e.turn_id = p_turn_id;

  -- The first attempt counts the turn, every attempt its tokens.
  perform colloquy.add_usage_v1(p_user_id, v_turn.model, case when v_turn.attempt = 1 then 1 else 0 end, p_usage);
end
$$;
