-- Which entries of a segment may have what has all of these slices (src/search/signature.ts): one bit each.
create or replace function colloquy.search_candidates(p_signature bytea, p_slices integer[]) returns bit(1024)
language plpgsql immutable
as $$
declare
  v_bits bit(1024) := ~ (0::bit(1024));
  v_slice integer;
begin
  foreach v_slice in array p_slices loop
    v_bits := v_bits & ('x' || encode(substring(p_signature from v_slice * 128 + 1 for 128), 'hex'))::bit(1024);
    -- Each slice is read on its own, and most segments have nothing of a rare word after two or three.
    exit when bit_count(v_bits) = 0;
  end loop;
  return v_bits;
end
$$;
