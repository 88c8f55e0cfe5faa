-- The time that is stored and that leases are judged by; tests put another clock in its place.
create or replace function colloquy.clock() returns timestamptz
language sql stable
as $$ select now() $$;
