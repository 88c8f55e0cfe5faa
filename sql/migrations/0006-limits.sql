-- oldest program: 1

-- What a user's turns count against limits. Each begin of a turn writes its user's row first, so the begins of a user are
-- counted one after the other, on whatever instance. Nothing else writes it: a turn that ends, or is deleted, is found to
-- have ended by a begin that needs its place.
create table colloquy.turn_counts (
  user_id text not null,
  -- turns that have begun; some of them may have ended
  running uuid[] not null,
  -- when the first turn of the current minute began
  minute_started_at timestamptz(3) not null,
  minute_turns integer not null,
  -- in UTC
  day date not null,
  day_turns integer not null,
  primary key (user_id)
) with (fillfactor = 50);

-- The messages that wait for a busy conversation. wait_until bounds the wait, so that a dead instance's count no longer.
create table colloquy.waiting_messages (
  user_id text not null,
  -- of the turn that the message is going to begin
  turn_id uuid not null,
  wait_until timestamptz(3) not null,
  primary key (user_id, turn_id)
);

alter table colloquy.turn_counts enable row level security, force row level security;
alter table colloquy.waiting_messages enable row level security, force row level security;
create policy acting_user on colloquy.turn_counts
  using (user_id = current_setting('colloquy.user_id', true));
create policy acting_user on colloquy.waiting_messages
  using (user_id = current_setting('colloquy.user_id', true));

-- is_repeated: the begin was stored before, and its answer was lost. refusal: which limit is reached; see count_turn.
alter type colloquy.begun add attribute is_repeated boolean, add attribute refusal json;
