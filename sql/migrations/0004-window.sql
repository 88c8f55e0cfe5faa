-- oldest program: 1

-- Where the history window of a turn began, by the size of the model's window in tokens: the position of its first message.
-- Each turn takes it over from the one before; null until a window has moved.
alter table colloquy.turns add column window_starts jsonb;

-- What has fallen out of the window may be summed up in a message of its own.
alter domain colloquy.message_role drop constraint message_role_check;
alter domain colloquy.message_role
  add constraint message_role_check check (value in ('user', 'assistant', 'summary')) not valid;
-- Of a summary: the position of the last message that it sums up.
alter table colloquy.messages add column summarized_through integer;
-- The position of the newest summary, and who is making the next one: until then nobody else does.
alter table colloquy.conversations
  add column summary_position integer,
  add column summary_claim uuid,
  add column summary_claimed_until timestamptz(3);

alter type colloquy.begun add attribute window_state json;
