-- Which of these entries of a segment, one bit each, may have what has all of these slices (src/search/signature.ts): all of
-- them where the segment has no signature.
create or replace function colloquy.search_candidates(p_signature bytea, p_slices integer[], p_bits bit(1024))
returns bit(1024)
language plpgsql immutable
as $$
declare
  v_bits bit(1024) := p_bits;
  v_slice integer;
begin
  foreach v_slice in array p_slices loop
    -- Each slice is read on its own, and most segments have nothing of a rare word after two or three.
    exit when p_signature is null or bit_count(v_bits) = 0;
    v_bits := v_bits & ('x' || encode(substring(p_signature from v_slice * 128 + 1 for 128), 'hex'))::bit(1024);
  end loop;
  return v_bits;
end
$$;
