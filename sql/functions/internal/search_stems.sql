-- The stems of a folded word in the languages that PostgreSQL knows, as {dictionary's oid: stem}, and how many of the word's
-- letters all words of these stems begin with. Nobody says which language a message is in, and a stemmer leaves the words
-- of other languages mostly alone; what only a stem finds ranks after the word itself.
create or replace function colloquy.search_stems(p_word text, out stems jsonb, out letters integer)
language plpgsql stable
as $$
begin
  select jsonb_object_agg(s.dictionary::oid, s.stem), min(length(s.beginning))
  into stems, letters
  from (
    select d.dictionary, d.stem,
      -- English writes "city" with the stem "citi".
      case when d.stem like '%i' then left(d.stem, -1) else d.stem end as beginning
    from (
      select name::regdictionary as dictionary, (ts_lexize(name::regdictionary, p_word))[1] as stem
      from unnest(array[
        'pg_catalog.english_stem', 'pg_catalog.german_stem', 'pg_catalog.french_stem', 'pg_catalog.spanish_stem',
        'pg_catalog.italian_stem', 'pg_catalog.portuguese_stem', 'pg_catalog.dutch_stem', 'pg_catalog.swedish_stem',
        'pg_catalog.danish_stem', 'pg_catalog.norwegian_stem', 'pg_catalog.finnish_stem', 'pg_catalog.russian_stem',
        'pg_catalog.greek_stem', 'pg_catalog.turkish_stem', 'pg_catalog.hungarian_stem', 'pg_catalog.romanian_stem',
        'pg_catalog.arabic_stem', 'pg_catalog.hindi_stem'
      ]) name
      -- Once a dictionary, and not each time that a stem is named.
      offset 0
    ) d
  ) s
  where length(s.beginning) >= 3 and starts_with(p_word, s.beginning);
end
$$;
