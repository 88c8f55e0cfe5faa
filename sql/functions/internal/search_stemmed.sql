-- Those of these words, each after the number of a term and a space, that have one of the term's stems, {dictionary's oid: stem}.
create or replace function colloquy.search_stemmed(p_words text[], p_stems jsonb[]) returns text[]
language plpgsql stable
as $$
begin
  return array(
    select w.word
    from (
      select e.word, split_part(e.word, ' ', 1)::integer as n,
        -- Not every locale of a database knows these letters.
        translate(lower(left(split_part(e.word, ' ', 2), 60)),
          'АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩÄÖÜÀÂÁÃÅÇÉÈÊËÍÌÎÏÑÓÒÔÕÚÙÛ',
          'абвгдеёжзийклмнопрстуфхцчшщъыьэюяαβγδεζηθικλμνξοπρστυφχψωäöüàâáãåçéèêëíìîïñóòôõúùû') as folded
      from unnest(p_words) e (word)
      -- Once a word, and not once a dictionary.
      offset 0
    ) w
    where exists (
      select
      from jsonb_each_text(p_stems[w.n]) s
      where (ts_lexize(s.key::oid::regdictionary, w.folded))[1] = s.value));
end
$$;
