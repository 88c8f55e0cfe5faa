-- Makes colloquy.messages, while it is empty, a table of 16 partitions by hash of the user, to find out what that costs and gains.
create table colloquy.messages_by_user (like colloquy.messages including all) partition by hash (user_id);
drop table colloquy.messages;
alter table colloquy.messages_by_user rename to messages;
alter table colloquy.messages rename constraint messages_by_user_pkey to messages_pkey;
do $$
begin
  for n in 0 .. 15 loop
    execute format(
      'create table colloquy.messages_%s partition of colloquy.messages for values with (modulus 16, remainder %s)', n, n);
  end loop;
end
$$;
alter table colloquy.messages enable row level security;
alter table colloquy.messages force row level security;
create policy acting_user on colloquy.messages using (user_id = current_setting('colloquy.user_id', true));
grant select, insert, delete, update on table colloquy.messages to colloquy_app;
