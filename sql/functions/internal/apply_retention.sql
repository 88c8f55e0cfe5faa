-- Gives the conversations with these ids the expiry that the operator's rule says, all users' in their order. Locks: the
-- conversations, in the order of their users and ids, which everybody keeps who waits for one while holding another.
create or replace function colloquy.apply_retention(p_user_ids text[], p_conversation_ids uuid[], p_retention json) returns void
language plpgsql
as $$
declare
  v_user record;
begin
  for v_user in
    select u.user_id, array_agg(u.id) as ids
    from unnest(p_user_ids, p_conversation_ids) u (user_id, id)
    group by u.user_id
    order by u.user_id collate "C"
  loop
    perform colloquy.act_as(v_user.user_id);
    perform from colloquy.conversations c
    where c.user_id = v_user.user_id and c.id = any (v_user.ids)
    order by c.id
    for no key update;
    update colloquy.conversations c
    set expires_at = colloquy.expiry_of(
      c.own_expires_at, greatest(c.last_turn_at, c.retained_from), c.pinned, c.archived, p_retention)
    where c.user_id = v_user.user_id and c.id = any (v_user.ids)
      and c.expires_at is distinct from colloquy.expiry_of(
        c.own_expires_at, greatest(c.last_turn_at, c.retained_from), c.pinned, c.archived, p_retention);
    insert into colloquy.removals (user_id, conversation_id, remove_at)
    select c.user_id, c.id, c.expires_at
    from colloquy.conversations c
    where c.user_id = v_user.user_id and c.id = any (v_user.ids) and c.expires_at is not null
    on conflict on constraint removals_pkey do update
    set remove_at = excluded.remove_at
    where removals.remove_at > excluded.remove_at;
  end loop;
end
$$;
