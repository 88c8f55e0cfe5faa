-- oldest program: 1

-- When it was last noted in colloquy.updates that the conversation was changed, so that the next note replaces that one: however
-- often a user changes a conversation, one note of it is kept.
alter table colloquy.conversations add column noted_at timestamptz;
