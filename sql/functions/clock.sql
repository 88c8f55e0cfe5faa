-- Where stored times and leases come from; tests put another clock in its place. Not the time at which the transaction
-- began: a lease is judged, and renewed, after a lock was waited for. PostgreSQL writes this body into the caller's.
create or replace function colloquy.clock() returns timestamptz
language sql volatile
as $$ select pg_catalog.clock_timestamp() $$;
