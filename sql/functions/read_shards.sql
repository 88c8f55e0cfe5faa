-- Which node has the rows of which users, where the database is distributed: the shards in their order, each with the highest of its
-- hashes of a user's id. No rows where nothing is distributed.
create or replace function colloquy.read_shards() returns table (max integer, node text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regclass('pg_dist_shard') is null then
    return;
  end if;
  return query
  select s.shardmaxvalue::integer, p.groupid::text
  from pg_dist_shard s
  join pg_dist_placement p on p.shardid = s.shardid
  where s.logicalrelid = 'colloquy.conversations'::regclass
  order by 1;
end
$$;
