-- The least work a durable turn can be: one call to begin, one to complete, row-level security on.
create table conversations (
  user_id text not null,
  id uuid not null,
  last_seq int not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_id, id)
);

create table messages (
  user_id text not null,
  conversation_id uuid not null,
  seq int not null,
  id uuid not null,
  role text not null,
  status text not null default 'complete',
  content text not null,
  created_at timestamptz not null default now(),
  primary key (user_id, conversation_id, seq),
  foreign key (user_id, conversation_id) references conversations on delete cascade
);

alter table conversations enable row level security, force row level security;
alter table messages enable row level security, force row level security;
create policy p on conversations using (user_id = current_setting('app.user_id', true));
create policy p on messages using (user_id = current_setting('app.user_id', true));

do $$
begin
  create role chat_app login;
exception
  when duplicate_object then null;
end
$$;
grant all on conversations, messages to chat_app;

create function begin_turn(
  p_user text, p_conv uuid, p_new uuid, p_mid uuid, p_aid uuid, p_content text, p_limit int
) returns table (role text, content text)
language plpgsql
as $$
declare
  v_seq int;
  v_conv uuid := coalesce(p_conv, p_new);
begin
  perform set_config('app.user_id', p_user, true);
  if p_conv is null then
    insert into conversations (user_id, id, last_seq) values (p_user, p_new, 2);
    v_seq := 0;
  else
    update conversations c
    set last_seq = last_seq + 2, updated_at = now()
    where c.user_id = p_user and c.id = p_conv
    returning last_seq - 2 into v_seq;
    if not found then
      raise exception using errcode = 'P0002';
    end if;
  end if;
  insert into messages (user_id, conversation_id, seq, id, role, status, content)
  values
    (p_user, v_conv, v_seq + 1, p_mid, 'user', 'complete', p_content),
    (p_user, v_conv, v_seq + 2, p_aid, 'assistant', 'pending', '');
  return query
    select m.role, m.content
    from messages m
    where m.user_id = p_user and m.conversation_id = v_conv and m.seq <= v_seq + 1
    order by m.seq desc
    limit p_limit;
end
$$;

create function end_turn(p_user text, p_conv uuid, p_aid uuid, p_content text) returns void
language plpgsql
as $$
begin
  perform set_config('app.user_id', p_user, true);
  update messages m
  set content = p_content, status = 'complete'
  where m.user_id = p_user and m.conversation_id = p_conv and m.id = p_aid and m.status = 'pending';
end
$$;

grant execute on all functions in schema public to chat_app;
