-- Whether a conversation that expires then is still there. What is not, vanishes from every answer at once, long before its
-- rows are removed. PostgreSQL writes this body into the caller's query.
create or replace function colloquy.is_live(p_expires_at timestamptz) returns boolean
language sql volatile
as $$ select p_expires_at is null or p_expires_at > colloquy.clock() $$;
