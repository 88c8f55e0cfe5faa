-- The id of a row's copy: a UUIDv7 of the same time, and always the same for the same copy. So what refers to the row refers to
-- its copy without a look-up, and Citus may work it out on any node.
create or replace function colloquy.copied_id(p_id uuid, p_copy uuid) returns uuid
language plpgsql immutable strict
as $$
declare
  v_hash text;
begin
  v_hash := md5(p_copy::text || p_id::text);
  return left(replace(p_id::text, '-', ''), 12) || '7' || substr(v_hash, 1, 3) || 'a' || substr(v_hash, 4, 15);
end
$$;
