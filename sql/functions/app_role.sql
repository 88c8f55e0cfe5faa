-- The role that serves requests, if the login may switch to it, else null. Since PostgreSQL 16 membership alone is not
-- enough.
create or replace function colloquy.app_role() returns regrole
language plpgsql stable
as $$
begin
  return (
    select r.oid
    from pg_catalog.pg_roles r
    where r.rolname = 'colloquy_app'
      and pg_catalog.pg_has_role(session_user, r.oid,
        case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end));
end
$$;
