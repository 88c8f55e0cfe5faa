-- Copies the branch that ends with a message into a new conversation, p_fork_id. The outcome is 'forked' with what the new
-- conversation has, 'conversation-not-found', 'message-not-found', or 'unfit-message' for a summary.
--
-- It is copied, not shared: a copy keeps the rules of every conversation (its own positions without gaps, its own rows under
-- the user's row-level security, gone when it is deleted) without a rule for rows that two conversations have. Positions are
-- counted anew. A question belongs to the turn of the answer that is copied with it. Summaries of other branches stay behind.
-- The expiry that the user has set is copied, too.
create or replace function colloquy.fork_conversation(
  p_user_id text,
  p_conversation_id uuid,
  p_message_id uuid,
  p_fork_id uuid,
  p_title text,
  -- the operator's rule, which expiry_of explains
  p_retention json default null
) returns table (
  outcome text,
  title text,
  metadata jsonb,
  message_count integer,
  active_message_id uuid,
  created_at timestamptz,
  expires_at timestamptz,
  assistant text
)
language plpgsql
as $$
#variable_conflict use_column
declare
  v_now timestamptz(3);
  v_source record;
  v_message record;
  v_path int4multirange;
  v_copied integer;
begin
  perform colloquy.act_as(p_user_id);
  -- A turn that is tried again would take its answer away meanwhile.
  select c.title, c.title_by, c.metadata, c.own_expires_at, c.assistant into v_source
  from colloquy.conversations c
  where c.user_id = p_user_id and c.id = p_conversation_id and colloquy.is_live(c.expires_at)
  for no key update;
  if not found then
    outcome := 'conversation-not-found';
    return next;
    return;
  end if;
  select m.position, m.role, m.turn_id into v_message
  from colloquy.messages m
  where m.user_id = p_user_id and m.id = p_message_id and m.conversation_id = p_conversation_id;
  if not found or v_message.role = 'summary' then
    outcome := case when found then 'unfit-message' else 'message-not-found' end;
    return next;
    return;
  end if;

  v_now := colloquy.clock();
  v_path := colloquy.path_to(
    p_user_id => p_user_id, p_conversation_id => p_conversation_id, p_position => v_message.position);
  select v_path - coalesce(range_agg(int4range(m.position, m.position + 1)), '{}') into v_path
  from colloquy.messages m
  where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position <= v_message.position
    and m.role = 'summary' and not v_path @> m.summarized_through;

  outcome := 'forked';
  title := coalesce(p_title, v_source.title);
  metadata := v_source.metadata;
  message_count := colloquy.position_in(v_path, v_message.position);
  active_message_id := colloquy.copied_id(p_message_id, p_fork_id);
  created_at := v_now;
  expires_at := colloquy.expiry_of(v_source.own_expires_at, v_now, false, false, p_retention);
  assistant := v_source.assistant;
  with copied as (
    select m.position, colloquy.position_in(v_path, m.position) as new_position, m.id, m.parent_id, m.role, m.status, m.content,
      m.tool_calls, m.window_tokens, m.history_calls, m.reasoning, m.continuation, m.summarized_through,
      m.previous_summary, m.created_at,
      case
        when m.role = 'assistant' then m.turn_id
        when lead(m.role) over by_position = 'assistant' then lead(m.turn_id) over by_position
      end as turn_id
    from colloquy.messages m
    where m.user_id = p_user_id and m.conversation_id = p_conversation_id and m.position <= v_message.position
      and v_path @> m.position
    window by_position as (order by m.position)
  ),
  fork as (
    insert into colloquy.conversations
      (user_id, id, title, title_by, metadata, assistant, last_position, last_turn_id, summary_position, created_at,
       updated_at, last_turn_at, own_expires_at, expires_at)
    select p_user_id, p_fork_id, coalesce(p_title, v_source.title),
      case when p_title is null then v_source.title_by else 'user' end, v_source.metadata, v_source.assistant,
      max(c.new_position),
      case when v_message.role = 'assistant' then colloquy.copied_id(v_message.turn_id, p_fork_id) end,
      max(c.new_position) filter (where c.role = 'summary'), v_now, v_now, v_now,
      v_source.own_expires_at, expires_at
    from copied c
  ),
  turns as (
    insert into colloquy.turns
      (user_id, id, conversation_id, position, status, attempt, begun_by, user_message_id, message_id, model, window_starts,
       input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, total_tokens, cost, error_code, finish_reason,
       created_at, finished_at)
    select p_user_id, colloquy.copied_id(t.id, p_fork_id), p_fork_id, c.new_position - 1, t.status, t.attempt,
      colloquy.copied_id(t.id, p_fork_id), colloquy.copied_id(c.parent_id, p_fork_id), colloquy.copied_id(c.id, p_fork_id),
      t.model,
      (
        select jsonb_object_agg(w.key, colloquy.position_in(v_path, w.value::integer))
        from jsonb_each_text(t.window_starts) w
      ),
      t.input_tokens, t.output_tokens, t.cached_input_tokens, t.reasoning_tokens, t.total_tokens, t.cost, t.error_code,
      t.finish_reason, t.created_at, t.finished_at
    from copied c
    join colloquy.turns t on t.user_id = p_user_id and t.id = c.turn_id
    where c.role = 'assistant'
  ),
  messages as (
    insert into colloquy.messages
      (user_id, conversation_id, position, id, turn_id, parent_id, role, status, content, tool_calls, window_tokens,
       history_calls, reasoning, continuation, summarized_through, previous_summary, created_at)
    select p_user_id, p_fork_id, c.new_position, colloquy.copied_id(c.id, p_fork_id), colloquy.copied_id(c.turn_id, p_fork_id),
      colloquy.copied_id(c.parent_id, p_fork_id), c.role, c.status, c.content, c.tool_calls, c.window_tokens, c.history_calls,
      c.reasoning, c.continuation, colloquy.position_in(v_path, c.summarized_through),
      case when v_path @> c.previous_summary then colloquy.position_in(v_path, c.previous_summary) end, c.created_at
    from copied c
  )
  -- Citus sends a select to the user's node as a whole, and takes an insert that reads apart.
  select count(*) into v_copied
  from copied;
  if expires_at is not null then
    perform colloquy.schedule_removal(p_user_id, p_fork_id);
  end if;
  return next;
end
$$;
