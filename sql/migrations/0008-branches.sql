-- oldest program: 1

-- The messages that have siblings, which are others that follow the same message: a question that was edited, or an answer
-- that was asked for again. A conversation that was never branched has none of these rows. They are written under the lock
-- of their conversation, and go with it.
create table colloquy.branches (
  user_id text not null,
  conversation_id uuid not null,
  -- the message's own
  position integer not null,
  -- that of the message that it follows; 0 for none
  parent_position integer not null,
  -- the positions of all messages that come before it on its branch; null when it follows the position before its own, as
  -- most messages do, and only has siblings
  ancestors int4multirange,
  primary key (user_id, conversation_id, position),
  foreign key (user_id, conversation_id) references colloquy.conversations (user_id, id) on delete cascade
);

create index branches_by_parent on colloquy.branches (user_id, conversation_id, parent_position);

alter table colloquy.branches enable row level security, force row level security;
create policy acting_user on colloquy.branches
  using (user_id = current_setting('colloquy.user_id', true));

-- The positions of the branch that the conversation is on. It has no upper bound while the newest turn is on it, so that it
-- grows by itself. Null when the conversation was never branched: then it is all positions.
alter table colloquy.conversations add column active_path int4multirange;
-- Of a turn that answers an earlier turn's message again: where its answer is. Null otherwise: next to its message.
alter table colloquy.turns add column answer_position integer;
-- Of a summary: the position of the one that was stored before it, which may be of another branch.
alter table colloquy.messages add column previous_summary integer;

alter type colloquy.begun add attribute message text;
