-- oldest program: 1

-- What a running attempt may cost at most, in microunits: it counts against its user's budget until the attempt ends. Null
-- where the user has none.
alter table colloquy.turns add column reserved bigint;
