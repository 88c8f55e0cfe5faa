-- Removes some of what has expired, whoever's it is, or else gives some conversations the expiry that a changed rule says: about
-- p_rows rows. One instance at a time: p_claim tells it from others, and its claim ends with its work, or when
-- p_lease_ms have passed since its last call. p_retention is the operator's rule (see expiry_of). The outcome is
--   more   there is more to do at once
--   done   there is nothing to do
--   taken  another instance does it
-- Locks: the claim; conversations for which it does not wait, then a turn of the last one, for which it does, then usage and what
-- deleted turns have reserved; or, when it removes nothing, the conversations to which it applies the rule.
create or replace function colloquy.remove_expired(p_claim uuid, p_lease_ms integer, p_retention json, p_rows integer)
returns table (outcome text)
language plpgsql
as $$
declare
  v_now timestamptz(3);
  v_state record;
  v_users text[];
  v_ids uuid[];
  v_user_id text;
  v_left integer;
begin
  perform colloquy.act_as(null);
  v_now := colloquy.clock();
  insert into colloquy.retention (user_id) values ('') on conflict do nothing;
  select r.claimed_by, r.claimed_until, r.rule, r.after_user, r.after_id into v_state
  from colloquy.retention r
  where r.user_id = ''
  for no key update skip locked;
  if not found or (v_state.claimed_by <> p_claim and v_state.claimed_until >= v_now) then
    outcome := 'taken';
    return next;
    return;
  end if;
  if v_state.rule is distinct from p_retention::text then
    v_state.after_user := '';
    v_state.after_id := '00000000-0000-0000-0000-000000000000';
  end if;

  -- The policies of this name let all users' rows be read here, and nowhere else.
  set local colloquy.pruning = 'on';
  select array_agg(d.user_id order by d.user_id collate "C", d.conversation_id),
    array_agg(d.conversation_id order by d.user_id collate "C", d.conversation_id)
  into v_users, v_ids
  from (
    select r.user_id, r.conversation_id
    from colloquy.removals r
    where r.remove_at <= v_now
    order by r.remove_at
    limit greatest(1, p_rows / 10)
  ) d;
  outcome := 'more';
  if v_ids is null and v_state.after_user is not null then
    -- Along the primary key. The planner takes the policy for one that hides nearly all rows, and would read the whole table.
    set local enable_sort = off;
    select array_agg(n.user_id order by n.user_id, n.id), array_agg(n.id order by n.user_id, n.id)
    into v_users, v_ids
    from (
      select c.user_id, c.id
      from colloquy.conversations c
      where (c.user_id, c.id) > (v_state.after_user, v_state.after_id)
      order by c.user_id, c.id
      limit p_rows
    ) n;
    set local enable_sort = on;
    set local colloquy.pruning = 'off';
    v_state.after_user := v_users[cardinality(v_users)];
    v_state.after_id := v_ids[cardinality(v_ids)];
    if v_ids is not null then
      perform colloquy.apply_retention(p_user_ids => v_users, p_conversation_ids => v_ids, p_retention => p_retention);
    end if;
  elsif v_ids is not null then
    set local colloquy.pruning = 'off';
    v_left := p_rows;
    for n in 1 .. cardinality(v_ids) loop
      exit when v_left <= 0;
      if v_user_id is distinct from v_users[n] then
        v_user_id := v_users[n];
        perform colloquy.act_as(v_user_id);
      end if;
      v_left := v_left - colloquy.remove_conversation(
        p_user_id => v_user_id, p_conversation_id => v_ids[n], p_rows => v_left);
    end loop;
  else
    set local colloquy.pruning = 'off';
    outcome := 'done';
  end if;

  perform colloquy.act_as(null);
  v_state.claimed_until := case when outcome = 'more' then v_now + p_lease_ms * interval '1 millisecond' end;
  update colloquy.retention r
  set claimed_by = p_claim, claimed_until = v_state.claimed_until,
    rule = p_retention::text, after_user = v_state.after_user, after_id = v_state.after_id
  where r.user_id = '';
  return next;
end
$$;
