-- Has the nodes of a Citus cluster talk to each other for the role that serves requests: they do it as the role that runs
-- a query, so it has to be able to log in there. Who may log in as it, and how, is up to each node's pg_hba.conf.
-- The limits of a session do not reach the other nodes; those of the role that logs in there do. They are what the program sets
-- for itself, but for the statement's, which ends there as well when it ends here.
create or replace function colloquy.prepare_node_role() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  alter role colloquy_app login;
  alter role colloquy_app set lock_timeout = '1334ms';
  alter role colloquy_app set statement_timeout = '30s';
  alter role colloquy_app set idle_in_transaction_session_timeout = '30s';
end
$$;
