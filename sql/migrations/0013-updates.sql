-- oldest program: 1

-- What streamUpdates tells. Its turns are not here: their rows and those of their conversations, which begins and ends write
-- anyway, have all that there is to tell of them, and read_updates finds what is new there by the time of the last turn, which is
-- indexed. So a turn costs nothing more, whether or not somebody follows its user. (A row a begin and a row an end, only
-- while somebody follows, would cost one who is followed two more index entries, and what begins while the first one begins to follow
-- would not know of it.)

-- What leaves no trace there: a conversation that was changed or deleted. Written in the transaction that does it,
-- whether or not somebody follows, and pruned a day later.
create table colloquy.updates (
  user_id text not null,
  at timestamptz not null,
  conversation_id uuid not null,
  type text not null,
  primary key (user_id, at, conversation_id, type)
);

create index updates_by_age on colloquy.updates (at);

-- Since when a user's changes can be told one by one; who follows from before has to read everything again. A row is made
-- by the first who follows, has a new time after an import, and goes with an erasure, which leaves nothing else behind.
create table colloquy.update_streams (
  user_id text not null,
  since timestamptz not null,
  primary key (user_id)
);

alter table colloquy.updates enable row level security, force row level security;
alter table colloquy.update_streams enable row level security, force row level security;
create policy acting_user on colloquy.updates
  using (user_id = current_setting('colloquy.user_id', true));
create policy acting_user on colloquy.update_streams
  using (user_id = current_setting('colloquy.user_id', true));

-- Pruning reads the old rows of all users, and nothing else.
create policy pruning on colloquy.updates for select
  using (current_setting('colloquy.pruning', true) = 'on' and at < now() - interval '24 hours');
