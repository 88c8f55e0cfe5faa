-- Makes the role that serves requests, where the caller may, and gives it what it needs and no more.
-- "colloquy migrate" runs it; it may be run at any time.
create or replace function colloquy.prepare_app_role() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table regclass;
begin
  if to_regrole('colloquy_app') is null then
    begin
      create role colloquy_app nologin;
    exception
      when insufficient_privilege then return;
      -- Another database of the cluster was being migrated at the same moment.
      when duplicate_object or unique_violation then null;
    end;
  end if;
  if colloquy.app_role() is null then
    begin
      execute format('grant colloquy_app to %I', session_user);
    exception
      when insufficient_privilege then null;
    end;
  end if;
  grant usage on schema colloquy to colloquy_app;
  grant select on colloquy.migrations to colloquy_app;
  for v_table in
    select c.oid
    from pg_catalog.pg_class c
    where c.relnamespace = 'colloquy'::regnamespace and c.relkind in ('r', 'p') and c.relforcerowsecurity
  loop
    execute format('grant select, insert, update, delete on %s to colloquy_app', v_table);
  end loop;
end
$$;
