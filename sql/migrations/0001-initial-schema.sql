-- oldest program: 1

-- Domains rather than check constraints, which PostgreSQL reads anew from their text with each statement.
create domain colloquy.title_maker as text check (value in ('message', 'model', 'user'));
create domain colloquy.turn_status as text
  check (value in ('running', 'completed', 'failed', 'cancelled', 'interrupted'));
create domain colloquy.message_role as text check (value in ('user', 'assistant'));
create domain colloquy.message_status as text check (value in ('completed', 'failed', 'cancelled', 'interrupted'));

create table colloquy.conversations (
  user_id text not null,
  id uuid not null,
  title text not null,
  -- the first message's beginning until a model, or the user, gives another
  title_by colloquy.title_maker not null default 'message',
  archived boolean not null default false,
  metadata jsonb not null default '{}',
  -- the last position that was given out; a running turn's answer has its own already
  last_position integer not null,
  -- the conversation's single writer: no other turn begins until this one has ended
  last_turn_id uuid,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  last_turn_at timestamptz(3) not null,
  primary key (user_id, id)
) with (fillfactor = 80);

create index conversations_by_last_turn
  on colloquy.conversations (user_id, archived, last_turn_at desc, id desc);

create table colloquy.turns (
  user_id text not null,
  id uuid not null,
  conversation_id uuid not null,
  -- that of the user's message; the answer's is the next
  position integer not null,
  status colloquy.turn_status not null,
  attempt integer not null,
  -- the begin that started the attempt, so that repeating it is told from another one
  begun_by uuid not null,
  -- the time until which the running attempt is believed alive
  lease_until timestamptz(3),
  cancel_requested boolean not null default false,
  user_message_id uuid not null,
  message_id uuid not null,
  model text not null,
  input_tokens integer,
  output_tokens integer,
  cached_input_tokens integer,
  total_tokens integer,
  -- The tool calls that former attempts of the turn made and that succeeded, in order: another attempt does not make
  -- them again. They are read with each begin, so a turn that has too many is not tried again.
  done_calls jsonb not null default '[]',
  error_code text,
  created_at timestamptz(3) not null,
  finished_at timestamptz(3),
  primary key (user_id, id),
  foreign key (user_id, conversation_id) references colloquy.conversations (user_id, id) on delete cascade
) with (fillfactor = 80);

create index turns_by_conversation on colloquy.turns (user_id, conversation_id);

-- Written under the lock of their conversation, or of their turn, whose rows they go with: delete_conversation deletes
-- them. A foreign key to the conversation would make the end of a turn wait for the lock of its conversation.
create table colloquy.messages (
  user_id text not null,
  conversation_id uuid not null,
  position integer not null,
  id uuid not null,
  turn_id uuid not null,
  parent_id uuid,
  role colloquy.message_role not null,
  status colloquy.message_status not null,
  content text not null,
  tool_calls jsonb not null default '[]',
  -- Of an answer: what its turn takes of a later turn's history window, in tokens, and its calls as they are told there;
  -- null when that is as they are above.
  window_tokens integer not null default 0,
  history_calls jsonb,
  created_at timestamptz(3) not null,
  primary key (user_id, conversation_id, position),
  unique (user_id, id)
);

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

-- Which turn a user's Idempotency-Key made. It holds no text: hashes of the key and of the request, and ids.
-- It outlives its conversation, so that a late retry does not begin it anew.
create table colloquy.idempotency_keys (
  user_id text not null,
  key_hash bytea not null,
  fingerprint bytea not null,
  conversation_id uuid not null,
  turn_id uuid not null,
  created_at timestamptz(3) not null,
  primary key (user_id, key_hash)
);

create index idempotency_keys_by_age on colloquy.idempotency_keys (created_at);

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

-- What begin_turn and resume_turn answer; begin_turns.sql explains it.
create type colloquy.begun as (
  outcome text,
  conversation_id uuid,
  turn_id uuid,
  user_message_id uuid,
  message_id uuid,
  attempt integer,
  model text,
  history json,
  done_calls jsonb,
  is_lapsed boolean
);

alter table colloquy.conversations enable row level security, force row level security;
alter table colloquy.turns enable row level security, force row level security;
alter table colloquy.messages enable row level security, force row level security;
alter table colloquy.turn_events enable row level security, force row level security;
alter table colloquy.idempotency_keys enable row level security, force row level security;
alter table colloquy.usage enable row level security, force row level security;

-- One user at a time, whom act_as() sets; null or '', which is no user's id, when nothing set it. The planner joins this
-- with the query's own `user_id = …`, and so checks it once a statement instead of once a row. Without functions of
-- ours, so that a policy does not depend on what is applied after it.
create policy acting_user on colloquy.conversations
  using (user_id = current_setting('colloquy.user_id', true));
create policy acting_user on colloquy.turns
  using (user_id = current_setting('colloquy.user_id', true));
create policy acting_user on colloquy.messages
  using (user_id = current_setting('colloquy.user_id', true));
create policy acting_user on colloquy.turn_events
  using (user_id = current_setting('colloquy.user_id', true));
create policy acting_user on colloquy.idempotency_keys
  using (user_id = current_setting('colloquy.user_id', true));
create policy acting_user on colloquy.usage
  using (user_id = current_setting('colloquy.user_id', true));

-- Pruning reads the expired keys of all users, and nothing else; a day is what the contract promises.
create policy pruning on colloquy.idempotency_keys for select
  using (current_setting('colloquy.pruning', true) = 'on' and created_at < now() - interval '24 hours');
