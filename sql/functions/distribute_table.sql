-- Distributes a table by its user, in shards that have the same users as those of the other tables; p_shards is how many the first
-- one gets. "colloquy shard" calls it for all tables in one transaction: nobody sees some of them distributed and others not.
-- Citus copies the rows with the rights of the owner, from whom forced row-level security hides them all. So it is not forced
-- for as long as that takes. The role that serves requests is not the owner, and stays bound; and nobody can read the table
-- until the transaction has ended.
create or replace function colloquy.distribute_table(p_table regclass, p_shards integer) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Foreign keys need one connection a node, and not one a shard.
  set local citus.multi_shard_modify_mode = 'sequential';
  execute format('alter table %s no force row level security', p_table);
  if p_table = 'colloquy.conversations'::regclass then
    perform create_distributed_table(p_table, 'user_id', colocate_with => 'none', shard_count => p_shards);
  else
    perform create_distributed_table(p_table, 'user_id', colocate_with => 'colloquy.conversations');
  end if;
  execute format('alter table %s force row level security', p_table);
end
$$;
