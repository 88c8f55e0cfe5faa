-- The one place where a transaction gets the user it acts for and the role it runs as, both until it ends. Null acts for
-- nobody.
-- Raises insufficient_privilege when the login bypasses row-level security and cannot switch to the role that does not.
create or replace function colloquy.act_as(p_user_id text) returns void
language plpgsql
as $$
declare
  v_user_id text;
begin
  -- First, so that nothing that another role made in another schema can take the place of what is meant.
  perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  v_user_id := coalesce(p_user_id, '');
  perform set_config('colloquy.user_id', v_user_id, true);
  -- A connection of our own rests in this role; one of a pooler's has to be put into it each time.
  if current_user <> 'colloquy_app' then
    if colloquy.app_role() is not null then
      set local role colloquy_app;
    elsif (select r.rolsuper or r.rolbypassrls from pg_roles r where r.rolname = session_user) then
      raise exception 'role % bypasses row-level security and may not act for users', session_user
        using errcode = 'insufficient_privilege', hint = 'Run "colloquy doctor".';
    end if;
  end if;
  -- Where there is Citus, the other nodes have to know, too. It takes `set local` along, and not set_config(), and only to nodes
  -- on which a transaction is open; a read opens none, when it is in a function, and row-level security would hide everything
  -- from it. So the look for a message that there never is opens one on the node that has the user.
  if current_setting('citus.propagate_set_commands', true) is not null then
    perform set_config('citus.propagate_set_commands', 'local', true);
    execute format('set local colloquy.user_id = %L', v_user_id);
    perform from colloquy.waiting_messages w
    where w.user_id = v_user_id and w.turn_id = '00000000-0000-0000-0000-000000000000'
    for key share;
  end if;
end
$$;
