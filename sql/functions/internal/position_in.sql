-- The position that a message has when the positions of a path are counted from 1 on.
create or replace function colloquy.position_in(p_path int4multirange, p_position integer) returns integer
language plpgsql immutable strict
as $$
begin
  return (
    select coalesce(sum(least(coalesce(upper(r.piece), p_position + 1), p_position + 1) - lower(r.piece)), 0)
    from unnest(p_path) r (piece)
    where lower(r.piece) <= p_position);
end
$$;
