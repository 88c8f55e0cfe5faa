-- oldest program: 1

-- The search index. Nothing is here of a user who has not searched more messages than a segment holds.
-- Only what writes to a conversation that is in a segment already has to know of it (see search_messages.sql).
create table colloquy.search_indexes (
  user_id text not null,
  -- Conversations up to this id are in segments, but for what search_tails says. Those after it are not.
  sealed_to uuid not null,
  -- how many segments there are, and the number of the last one
  segments integer not null,
  primary key (user_id)
);

-- The conversations up to sealed_to that have messages past those in segments. Others do not count; imported ones are here
-- in any case.
create table colloquy.search_tails (
  user_id text not null,
  conversation_id uuid not null,
  -- the position of the last message that is in a segment; -1 when not even the title is
  sealed_position integer not null,
  primary key (user_id, conversation_id)
);

create table colloquy.search_segments (
  user_id text not null,
  number integer not null,
  -- The entries: of each of these conversations so many positions from the first on, where 0 is the title.
  conversation_ids uuid[] not null,
  first_positions integer[] not null,
  lengths integer[] not null,
  -- See src/search/signature.ts; null until it is made anew, because something that it was made of has changed.
  signature bytea,
  -- how often the signature was taken away
  version integer not null default 0,
  primary key (user_id, number)
);

-- A search reads a few slices of it, which compression would forbid.
alter table colloquy.search_segments alter column signature set storage external;

alter table colloquy.search_indexes enable row level security, force row level security;
alter table colloquy.search_tails enable row level security, force row level security;
alter table colloquy.search_segments enable row level security, force row level security;

create policy acting_user on colloquy.search_indexes
  using (user_id = current_setting('colloquy.user_id', true));
create policy acting_user on colloquy.search_tails
  using (user_id = current_setting('colloquy.user_id', true));
create policy acting_user on colloquy.search_segments
  using (user_id = current_setting('colloquy.user_id', true));
