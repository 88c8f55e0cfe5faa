import type { Database } from './database.js'

/**
 * Settings that change what a statement means, and what the program needs them to be, whatever `alter system`,
 * `alter database … set` or `alter role … set` made of them. https://www.postgresql.org/docs/current/runtime-config-client.html
 */
const meanings: Record<string, string> = {
  search_path: 'pg_catalog, pg_temp',
  TimeZone: 'UTC',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
  array_nulls: 'on',
  transform_null_equals: 'off',
  standard_conforming_strings: 'on',
  row_security: 'on',
  jit: 'off',
  plan_cache_mode: 'auto',
}

/**
 * What a connection of our own asks for when it is opened. `default_transaction_read_only` is left out on purpose: an
 * operator who turns it on during a failover, or a host whose disk is nearly full, means that nobody shall write.
 */
export const sessionSettings: Record<string, string> = {
  ...meanings,
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  exit_on_error: 'off',
  idle_session_timeout: '0',
}

/** What a pooler lets a client ask for; it keeps these apart for each client. */
export const pooledSessionSettings: Record<string, string> = { TimeZone: 'UTC', DateStyle: 'ISO' }

/**
 * Where acknowledged means durable, a commit waits for the log. Other values than `off` are the operator's choice of
 * what standbys have to confirm.
 */
const isHasty = `pg_catalog.current_setting('synchronous_commit') = 'off'`

/**
 * Sets what cannot be asked for at the start of a connection, and lets it run as the role that serves requests for good,
 * where it may. A pooler that the URL does not reveal has ignored the limit; nothing is set on its shared connections.
 */
export const settleSession = (statementTimeoutMs: number): string => `
  do $$
  begin
    if extract(epoch from current_setting('statement_timeout')::interval) * 1000 <> ${statementTimeoutMs} then
      return;
    end if;
    if ${isHasty} then
      perform set_config('synchronous_commit', 'on', false);
    end if;
    -- Since PostgreSQL 17; it would end a migration that takes longer.
    if current_setting('transaction_timeout', true) <> '0' then
      perform set_config('transaction_timeout', '0', false);
    end if;
    begin
      set role colloquy_app;
    exception when others then
      -- No such role yet, or not a member of it: the select below says what that means.
      null;
    end;
  end $$;`

/** Begins a transaction of a pooler's client, whose connection to the server has whatever settings it has. */
export const pooledBegin = `begin isolation level read committed, not deferrable;
  select ${Object.entries(meanings)
    .map(([name, value]) => `pg_catalog.set_config('${name}', '${value}', true)`)
    .join(', ')};
  select pg_catalog.set_config('synchronous_commit', 'on', true) where ${isHasty}`

/** What a single statement through a pooler cannot bring with it, by what has to be found. */
const needed: Record<string, RegExp> = {
  default_transaction_isolation: /^read committed$/,
  row_security: /^on$/,
  search_path: /^(?!.+\bpg_catalog\b)/,
  DateStyle: /^ISO/,
  bytea_output: /^hex$/,
  array_nulls: /^on$/,
  transform_null_equals: /^off$/,
  standard_conforming_strings: /^on$/,
  exit_on_error: /^off$/,
  synchronous_commit: /^(?!off)/,
  session_replication_role: /^origin$/,
}

const wanted: Record<string, string> = {
  ...sessionSettings,
  synchronous_commit: 'on',
  session_replication_role: 'origin',
}

/** Settings that the program's statements meet and that it cannot set itself, with the SQL that does. */
export const settingFaults = async (db: Database): Promise<{ what: string; mend: string }[]> => {
  const rows = await db.statement(
    (sql) => sql<{ name: string; value: string; login: string }[]>`
      select name, pg_catalog.current_setting(name) as value, session_user as login
      from jsonb_array_elements_text(${sql.json(Object.keys(needed))}) name`,
  )
  return rows
    .filter(({ name, value }) => !needed[name]?.test(value))
    .map(({ name, value, login }) => ({
      what: `${name} is ${value}, and has to be ${wanted[name]}`,
      mend: `alter role "${login.replaceAll('"', '""')}" set ${name} = ${
        name === 'search_path' ? wanted[name] : `'${wanted[name]}'`
      };`,
    }))
}
