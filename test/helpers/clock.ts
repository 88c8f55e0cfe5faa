import type { Sql } from 'postgres'
import { isDistributed } from './database.js'

/** Stops the clock of the database that the superuser is connected to; gives the function that sets it. */
export const stopClock = async (root: Sql) => {
  await root`
    create table public.test_clock (at timestamptz);
    insert into public.test_clock values (now());
    grant select on public.test_clock to public`.simple()
  // On every node.
  if (isDistributed) await root`select create_reference_table('public.test_clock')`
  await root`
    create or replace function colloquy.clock() returns timestamptz
    language sql stable
    as $$ select at from public.test_clock $$`.simple()
  return (time: Date) => root`update public.test_clock set at = ${time}`
}
