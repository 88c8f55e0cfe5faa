-- The words of a text that match the pattern and have one of the stems, {dictionary: stem}.
create or replace function colloquy.search_stemmed(p_text text, p_pattern text, p_stems jsonb)
returns table (word text)
language plpgsql stable
as $$
begin
  return query
    select w.word
    from (
      select m.groups[1] as word,
        -- Not every locale of a database knows these letters.
        translate(lower(left(m.groups[1], 60)),
          'АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩÄÖÜÀÂÁÃÅÇÉÈÊËÍÌÎÏÑÓÒÔÕÚÙÛ',
          'абвгдеёжзийклмнопрстуфхцчшщъыьэюяαβγδεζηθικλμνξοπρστυφχψωäöüàâáãåçéèêëíìîïñóòôõúùû') as folded
      from regexp_matches(p_text, p_pattern, 'g') m (groups)
      -- Once a word, and not once a dictionary.
      offset 0
    ) w
    cross join jsonb_each_text(p_stems) s
    where (ts_lexize(s.key::regdictionary, w.folded))[1] = s.value;
end
$$;
