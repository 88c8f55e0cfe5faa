-- oldest program: 1

-- Of an answer: its model's reasoning as people may see it, [{"text": …, "text_offset": …, "calls_before": …}, …]; null when
-- there is none, or it is not to be shown.
alter table colloquy.messages add column reasoning jsonb;
-- Of an answer: what its provider wants to see again with the next message, for the same model alone; null when that is
-- nothing, or too much.
alter table colloquy.messages add column continuation jsonb;
alter table colloquy.turns add column reasoning_tokens integer;
alter table colloquy.usage add column reasoning_tokens bigint not null default 0;
