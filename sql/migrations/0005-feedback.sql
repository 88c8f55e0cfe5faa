-- oldest program: 1

-- What a user thinks of an answer. Not in the message's row, which is written once: to rate an answer must not cost what a
-- long text in several indexes costs to write again. A row goes with its message, which whoever writes it has locked; a
-- foreign key would cost each message that is deleted a look-up.
create table colloquy.feedback (
  user_id text not null,
  conversation_id uuid not null,
  message_id uuid not null,
  rating text check (rating in ('up', 'down')),
  comment text,
  updated_at timestamptz(3) not null,
  primary key (user_id, conversation_id, message_id)
);

alter table colloquy.feedback enable row level security, force row level security;
create policy acting_user on colloquy.feedback
  using (user_id = current_setting('colloquy.user_id', true));
