-- Whether a call of this function goes as a whole to the node that has its user's rows, where the database is distributed: if
-- programs call it and it has such an argument. act_as is not, since it is about the transaction that calls it.
create or replace function colloquy.is_delegated(p_function oid, p_called text[]) returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select p.proname = any (p_called) and p.proname <> 'act_as' and 'p_user_id' = any (p.proargnames)
    from pg_proc p
    where p.oid = p_function);
end
$$;
