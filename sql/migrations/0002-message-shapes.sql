-- oldest program: 1

-- A conversation may be created before its first message, which gives it its title then.
alter table colloquy.conversations alter column title drop not null;
-- Messages that no turn has written: imported ones, and summaries.
alter table colloquy.messages alter column turn_id drop not null;
-- Why the model stopped; null unless the turn completed.
alter table colloquy.turns add column finish_reason text;
