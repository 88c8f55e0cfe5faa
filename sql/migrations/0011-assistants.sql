-- oldest program: 1

-- The name of the assistant that the conversation was begun with, which is configured at the program; null for none.
alter table colloquy.conversations add column assistant text;

alter type colloquy.begun add attribute assistant text;
