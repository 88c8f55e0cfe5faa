-- oldest program: 1

-- What an attempt cost at the prices of its time, in millionths of the deployment's currency. Null: not known.
alter table colloquy.turns add column cost bigint;
-- The sum of what is known; null where nothing is.
alter table colloquy.usage add column cost bigint;
