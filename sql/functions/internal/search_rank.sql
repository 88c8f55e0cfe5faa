-- How well a text matches a query's terms: 0 when one of them is missing, else up to 100. A whole word counts 4, the
-- beginning of a word 3, a word of the same stem 2, a part of a word 1; the mean of the terms makes 80, and all of them in
-- a row 20. It depends on nothing but the text and the query, so that it is the same on each page.
create or replace function colloquy.search_rank(
  p_text text,
  p_any text[],
  p_starts text[],
  p_wholes text[],
  p_phrase text,
  -- of the words that have a term's stem, or null
  p_stemmed text[]
) returns integer
language plpgsql immutable
as $$
declare
  v_sum integer := 0;
begin
  for n in 1 .. cardinality(p_any) loop
    v_sum := v_sum + case
      when p_text ~ p_wholes[n] then 4
      when p_text ~ p_starts[n] then 3
      when p_text ~ p_stemmed[n] then 2
      when p_text ~ p_any[n] then 1
    end;
    if v_sum is null then
      return 0;
    end if;
  end loop;
  return v_sum * 20 / cardinality(p_any) + case when p_phrase is null or p_text ~ p_phrase then 20 else 0 end;
end
$$;
