import type { Sql } from 'postgres'
import { isDistributed } from './database.js'

/** On all nodes, where a function that reads a table could not be called in each place. */
const setEverywhere = (root: Sql) => (time: Date) =>
  root.unsafe(`
    create or replace function colloquy.clock() returns timestamptz
    language sql stable
    as $$ select timestamptz '${time.toISOString()}' $$`)

/** Stops the clock of the database that the superuser is connected to; gives the function that sets it. */
export const stopClock = async (root: Sql) => {
  if (isDistributed) {
    const set = setEverywhere(root)
    await set(new Date())
    return set
  }
  await root`
    create table public.test_clock (at timestamptz);
    insert into public.test_clock values (now());
    grant select on public.test_clock to public`.simple()
  await root`
    create or replace function colloquy.clock() returns timestamptz
    language sql stable
    as $$ select at from public.test_clock $$`.simple()
  return (time: Date) => root`update public.test_clock set at = ${time}`
}
