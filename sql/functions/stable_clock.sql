-- The clock for what an update sets or compares: Citus refuses volatile functions there, on tables that are distributed.
create or replace function colloquy.stable_clock() returns timestamptz
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return colloquy.clock();
end
$$;
