-- oldest program: 1

alter table colloquy.conversations
  add column pinned boolean not null default false,
  -- When it vanishes; null: never. It follows from the next two columns, the last turn and the operator's rule; see
  -- expiry_of.
  add column expires_at timestamptz(3),
  -- what the user has set; '-infinity' when its removal has begun
  add column own_expires_at timestamptz(3),
  -- the operator's rule counts from here when this is later than the last turn
  add column retained_from timestamptz(3);

-- When to look whether a conversation has to be removed: never after it expires, and often before, since a turn that puts the
-- expiry off leaves this as it is. Conversations that never expire have no row. Written under the lock of the conversation.
create table colloquy.removals (
  user_id text not null,
  conversation_id uuid not null,
  remove_at timestamptz(3) not null,
  primary key (user_id, conversation_id)
);

create index removals_by_time on colloquy.removals (remove_at);

-- What the instances know of their common work on expired conversations: one row, of no user (user_id is '').
create table colloquy.retention (
  user_id text not null,
  -- who does the work, until when
  claimed_by uuid,
  claimed_until timestamptz(3),
  -- The operator's rule that stored expiries follow, those of the conversations up to this one; null: of all.
  rule text,
  after_user text,
  after_id uuid,
  primary key (user_id)
);

alter table colloquy.removals enable row level security, force row level security;
alter table colloquy.retention enable row level security, force row level security;
create policy acting_user on colloquy.removals
  using (user_id = current_setting('colloquy.user_id', true));
create policy acting_user on colloquy.retention
  using (user_id = current_setting('colloquy.user_id', true));

-- The removal reads whose conversations are due. To apply a rule that has changed, it reads which conversations there are.
create policy pruning on colloquy.removals for select
  using (current_setting('colloquy.pruning', true) = 'on');
create policy pruning on colloquy.conversations for select
  using (current_setting('colloquy.pruning', true) = 'on');
