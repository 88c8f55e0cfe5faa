-- oldest program: 1

-- The day in UTC on whose budget for all users the running attempt's reservation counts; null: on none.
alter table colloquy.turns add column reserved_on date;

-- What all users together have spent in a month of the budget for all, in microunits: of attempts that run, what they have
-- reserved, of others, what they cost, on the day on which they began. Rows are of no user (user_id is ''), so that no user
-- can see them; where no such budget is configured there are none.
create table colloquy.total_spending (
  user_id text not null,
  -- its first day
  month date not null,
  spent bigint not null,
  -- the same for each of its days
  days bigint[] not null,
  primary key (user_id, month)
) with (fillfactor = 50);

-- What attempts whose turns were deleted while they ran have reserved of the budget for all users, until they end and it is known
-- what they cost. Rows are of no user, and hold nothing that a user has said.
create table colloquy.total_reservations (
  user_id text not null,
  turn_id uuid not null,
  attempt integer not null,
  reserved bigint not null,
  reserved_on date not null,
  primary key (user_id, turn_id)
);

alter table colloquy.total_spending enable row level security, force row level security;
create policy acting_user on colloquy.total_spending
  using (user_id = current_setting('colloquy.user_id', true));
alter table colloquy.total_reservations enable row level security, force row level security;
create policy acting_user on colloquy.total_reservations
  using (user_id = current_setting('colloquy.user_id', true));
