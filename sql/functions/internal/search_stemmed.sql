-- The words of a text that match the pattern and have one of the stems, {dictionary: stem}.
create or replace function colloquy.search_stemmed(p_text text, p_pattern text, p_stems jsonb)
returns table (word text)
language plpgsql stable
as $$
begin
  return query
    select m.groups[1]
    from regexp_matches(p_text, p_pattern, 'g') m (groups)
    cross join jsonb_each_text(p_stems) s
    -- Not every locale of a database knows these letters.
    where (ts_lexize(s.key::regdictionary, translate(lower(left(m.groups[1], 60)),
      'АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩÄÖÜÀÂÁÃÅÇÉÈÊËÍÌÎÏÑÓÒÔÕÚÙÛ',
      'абвгдеёжзийклмнопрстуфхцчшщъыьэюяαβγδεζηθικλμνξοπρστυφχψωäöüàâáãåçéèêëíìîïñóòôõúùû')))[1] = s.value;
end
$$;
