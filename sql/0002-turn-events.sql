-- oldest program: 1

-- Who the transaction acts for, as the keys of an object: a tick acts for hundreds of users, and then each row that a
-- policy looks at is found among them by a few comparisons, where an array is compared one by one. Null, which matches
-- nobody, when nothing set it.
create function colloquy.acting_user_set() returns jsonb
language sql stable
as $$ select jsonb_object(colloquy.acting_users(), colloquy.acting_users()) $$;

-- What the running turns have said so far, a row per tick of the instance that runs them. A turn's events are folded
-- into its answer's message and deleted in the transaction that ends it, so those of an ended turn never stay behind.
create table colloquy.turn_events (
  user_id text not null,
  turn_id uuid not null,
  attempt integer not null,
  -- how many events of the attempt came before these
  seq integer not null,
  -- an array: a string is a piece of the text, an object is any other of the model's events
  events json not null,
  primary key (user_id, turn_id, attempt, seq),
  foreign key (user_id, turn_id) references colloquy.turns (user_id, id) on delete cascade
);

alter table colloquy.turn_events enable row level security, force row level security;

create policy acting_users on colloquy.turn_events
  using (coalesce((select colloquy.acting_user_set()) ? user_id, false));

-- The planner takes what a policy asks for as independent of what a query asks for. Written as `user_id = any (…)` it
-- made each user look as if they had hardly a row, so that any index looked as good as the right one; coalesce() is
-- taken to hold for half of the rows.
alter policy acting_users on colloquy.conversations
  using (coalesce((select colloquy.acting_user_set()) ? user_id, false));
alter policy acting_users on colloquy.turns
  using (coalesce((select colloquy.acting_user_set()) ? user_id, false));
alter policy acting_users on colloquy.messages
  using (coalesce((select colloquy.acting_user_set()) ? user_id, false));
alter policy acting_users on colloquy.idempotency_keys
  using (coalesce((select colloquy.acting_user_set()) ? user_id, false));

-- Called by other functions only; in place, because the result is the same. It read the question by `position - 1`,
-- which may not be an index condition under row-level security, and so read the whole conversation.
-- The history window: the newest whole turns before a position that completed (or were cancelled with some text),
-- oldest first, as [{"user": …, "assistant": …}, …]: at most p_messages messages and about p_tokens tokens, a token
-- being estimated as three bytes.
create or replace function colloquy.history_v1(
  p_user_id text,
  p_conversation_id uuid,
  p_before integer,
  p_messages integer,
  p_tokens integer
) returns jsonb
language sql stable
as $$
  select coalesce(
    jsonb_agg(jsonb_build_object('user', w.question, 'assistant', w.answer) order by w.position), '[]')
  from (
    select past.position, past.question, past.answer,
      sum((octet_length(past.question) + octet_length(past.answer)) / 3 + 1)
        over (order by past.position desc) as tokens
    from (
      select a.position, a.question, a.answer
      from (
        select m.position, m.role, m.status, m.content as answer,
          lead(m.content) over (order by m.position desc) as question
        from colloquy.messages m
        where m.user_id = p_user_id and m.conversation_id = p_conversation_id
          and m.position < p_before
          -- failed turns do not count, but a run of them must not make this read the whole conversation
          and m.position >= p_before - 4 * p_messages
      ) a
      where a.role = 'assistant' and (a.status = 'completed' or (a.status = 'cancelled' and a.answer <> ''))
      order by a.position desc
      limit p_messages / 2
    ) past
  ) w
  where w.tokens <= p_tokens
$$;

-- Called by other functions only; in place, because what calls it, in either version of the program, wants the same.
-- Ends the turn that holds the conversation, whose row the caller has locked: the answer's row, the turn's end, the
-- conversation's release and the end of the turn's events are one write.
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
end
$$;

-- What the attempt of a running turn is known to have said: the text, and the tool calls as a message stores them.
create function colloquy.partial_answer_v1(p_user_id text, p_turn_id uuid)
returns table (content text, tool_calls jsonb)
language sql stable
as $$
  with said as (
    select e.seq, each.n, each.event, json_typeof(each.event) = 'string' as is_text
    from colloquy.turns t
    join colloquy.turn_events e on e.user_id = t.user_id and e.turn_id = t.id and e.attempt = t.attempt
    cross join lateral json_array_elements(e.events) with ordinality as each (event, n)
    where t.user_id = p_user_id and t.id = p_turn_id
  ),
  tools as (
    select s.seq, s.n, s.event, s.event ->> 'type' as type, s.event ->> 'id' as id,
      row_number() over (partition by s.event ->> 'type', s.event ->> 'id' order by s.seq, s.n) as nth
    from said s
    where not s.is_text
  )
  select
    coalesce((select string_agg(s.event #>> '{}', '' order by s.seq, s.n) from said s where s.is_text), ''),
    coalesce((
      select jsonb_agg(
        jsonb_build_object(
          'id', call.id, 'name', call.event ->> 'name', 'arguments', call.event -> 'arguments', 'duration_ms', 0)
          || coalesce(done.fields, '{}')
        order by call.seq, call.n)
      from tools call
      -- Whatever a model says: what comes after the first call of its id belongs to that, and the last one counts.
      left join lateral (
        select jsonb_object_agg(field.key, field.value order by later.seq, later.n) as fields
        from tools later
        cross join lateral jsonb_each(later.event::jsonb - array['type', 'id']) as field
        where later.type <> 'tool-call' and later.id = call.id and (later.seq, later.n) > (call.seq, call.n)
      ) done on call.nth = 1
      where call.type = 'tool-call'), '[]')
$$;

-- Called by other functions only. Ends a turn whose lease has run out, on behalf of the instance that died, with what
-- it is known to have said.
create or replace function colloquy.interrupt_turn_v1(p_user_id text, p_turn_id uuid) returns void
language sql
as $$
  select colloquy.end_turn_v1(p_user_id, p_turn_id, 'interrupted', a.content, a.tool_calls, null,
    'turn-interrupted', 'The turn was interrupted before it was complete.')
  from colloquy.partial_answer_v1(p_user_id, p_turn_id) a
$$;

-- One tick of an instance, for all its turns together: stores what the attempts that it runs have said, renews their
-- leases, and gives what it has to act on. Each row is for the entry of that number, from 1 on, in one of the states
--   events  of a turn that is followed: what was said from seq on
--   lapsed  of a turn that is followed: the lease has run out
--   ended   of a turn that is followed: the attempt runs no more, wherever it ran
--   cancel  of a turn that is run: somebody asked for it
--   lost    of a turn that is run: it was ended, deleted or taken over
create function colloquy.progress_v2(
  p_user_ids text[],
  p_turn_ids uuid[],
  -- whether the instance runs the attempt, or only follows it
  p_runs boolean[],
  -- null for a turn that is followed in whatever attempt
  p_attempts integer[],
  -- how many events are stored already (of a turn that is run) or known (of one that is followed); null for a turn
  -- that is followed for its end only
  p_seqs integer[],
  -- of a turn that is run, the JSON array of the events past those; null when there are none
  p_events text[],
  p_lease_ms integer
) returns table (entry integer, state text, seq integer, events json)
language plpgsql
as $$
declare
  v_now timestamptz(3) := colloquy.clock();
begin
  perform colloquy.act_as(p_user_ids);
  -- A lease is renewed when a third of it has gone, so that a tick mostly reads.
  update colloquy.turns t
  set lease_until = v_now + p_lease_ms * interval '1 millisecond'
  from unnest(p_user_ids, p_turn_ids, p_runs, p_attempts) as mine (user_id, turn_id, runs, attempt)
  where mine.runs
    and t.user_id = mine.user_id and t.id = mine.turn_id and t.attempt = mine.attempt and t.status = 'running'
    and t.lease_until < v_now + p_lease_ms * interval '1 millisecond' * 2 / 3;

  -- The lock keeps the turn from being ended, and its events from being folded, before these are there too. A batch
  -- whose answer was lost comes again.
  with said as (
    select t.user_id, t.id, t.attempt, mine.seq, mine.events
    from unnest(p_user_ids, p_turn_ids, p_runs, p_attempts, p_seqs, p_events)
      as mine (user_id, turn_id, runs, attempt, seq, events)
    join colloquy.turns t on t.user_id = mine.user_id and t.id = mine.turn_id and t.attempt = mine.attempt
    where mine.runs and mine.events is not null and t.status = 'running'
    for share of t
  )
  insert into colloquy.turn_events (user_id, turn_id, attempt, seq, events)
  select said.user_id, said.id, said.attempt, said.seq, said.events::json
  from said
  on conflict on constraint turn_events_pkey do nothing;

  return query
  select mine.entry::integer, 'events', e.seq, e.events
  from unnest(p_user_ids, p_turn_ids, p_runs, p_attempts, p_seqs)
    with ordinality as mine (user_id, turn_id, runs, attempt, seq, entry)
  join colloquy.turn_events e
    on e.user_id = mine.user_id and e.turn_id = mine.turn_id and e.attempt = mine.attempt and e.seq >= mine.seq
  where not mine.runs
  order by mine.entry, e.seq;

  return query
  select mine.entry::integer,
    case
      when t.id is null or t.status <> 'running' or t.attempt <> mine.attempt
        then case when mine.runs then 'lost' else 'ended' end
      when mine.runs then 'cancel'
      else 'lapsed'
    end,
    null::integer, null::json
  from unnest(p_user_ids, p_turn_ids, p_runs, p_attempts)
    with ordinality as mine (user_id, turn_id, runs, attempt, entry)
  left join colloquy.turns t on t.user_id = mine.user_id and t.id = mine.turn_id
  where t.id is null
    or t.status <> 'running'
    or t.attempt <> mine.attempt
    or (mine.runs and t.cancel_requested)
    or (not mine.runs and t.lease_until < v_now);
end
$$;

-- Interrupts a turn if its lease has run out.
create function colloquy.close_turn_v1(p_user_id text, p_turn_id uuid) returns void
language plpgsql
as $$
begin
  perform colloquy.act_as(array[p_user_id]);
  -- The conversation's row is locked first, in the same order as begin_turn does, so that the two cannot deadlock.
  perform from colloquy.conversations c
  where c.user_id = p_user_id
    and c.id = (select t.conversation_id from colloquy.turns t where t.user_id = p_user_id and t.id = p_turn_id)
  for update;
  perform from colloquy.turns t
  where t.user_id = p_user_id and t.id = p_turn_id and t.status = 'running' and t.lease_until < colloquy.clock()
  for update;
  if found then
    perform colloquy.interrupt_turn_v1(p_user_id, p_turn_id);
  end if;
end
$$;
