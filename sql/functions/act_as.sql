-- The one place where a transaction gets the user it acts for and the role it runs as, both until it ends. Null acts for
-- nobody.
-- Raises insufficient_privilege when the login passes row-level security and cannot switch to the role that does not.
create or replace function colloquy.act_as(p_user_id text) returns void
language plpgsql
as $$
begin
  -- First, so that nothing that another role made in another schema can take the place of what is meant.
  set local search_path = pg_catalog, pg_temp;
  perform set_config('colloquy.user_id', coalesce(p_user_id, ''), true);
  if colloquy.app_role() is not null then
    set local role colloquy_app;
  elsif (select r.rolsuper or r.rolbypassrls from pg_catalog.pg_roles r where r.rolname = session_user) then
    raise exception 'role % passes row-level security and may not act for users', session_user
      using errcode = 'insufficient_privilege', hint = 'Run "colloquy doctor".';
  end if;
end
$$;
