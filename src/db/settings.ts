import type { Database } from './database.js'

/**
 * Settings that change what a statement means, with the values that the program relies on. They override `alter system`,
 * `alter database … set` and `alter role … set`. https://www.postgresql.org/docs/current/runtime-config-client.html
 */
const semanticSettings: Record<string, string> = {
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
 * Startup parameters of an unshared connection. `default_transaction_read_only` is absent on purpose: an operator who turns
 * it on during a failover, or a host whose disk is nearly full, wants no writes.
 */
export const sessionSettings: Record<string, string> = {
  ...semanticSettings,
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  exit_on_error: 'off',
  idle_session_timeout: '0',
}

/** Startup parameters that a pooler tracks per client. */
export const pooledSessionSettings: Record<string, string> = { TimeZone: 'UTC', DateStyle: 'ISO' }

/**
 * An acknowledged turn has to be durable, so a commit waits for the WAL. Values other than `off` are the operator's choice
 * of what standbys confirm.
 */
const commitsAsynchronously = `pg_catalog.current_setting('synchronous_commit') = 'off'`

/**
 * Applies the settings that cannot be startup parameters, and switches permanently to the role that serves requests, where
 * the login may. Does nothing if the statement timeout was ignored: that is an undetected pooler with shared connections.
 */
export const sessionSetup = (statementTimeoutMs: number): string => `
  do $$
  begin
    if extract(epoch from current_setting('statement_timeout')::interval) * 1000 <> ${statementTimeoutMs} then
      return;
    end if;
    if ${commitsAsynchronously} then
      perform set_config('synchronous_commit', 'on', false);
    end if;
    -- Since PostgreSQL 17; it would end a migration that takes longer.
    if current_setting('transaction_timeout', true) <> '0' then
      perform set_config('transaction_timeout', '0', false);
    end if;
    begin
      set role colloquy_app;
    exception when others then
      -- No such role yet, or no membership in it: the select below tells whether the login is bound instead.
      null;
    end;
  end $$;`

/** Begins a transaction through a pooler, whose server connections may have any settings. */
export const pooledBegin = `begin isolation level read committed, not deferrable;
  select ${Object.entries(semanticSettings)
    .map(([name, value]) => `pg_catalog.set_config('${name}', '${value}', true)`)
    .join(', ')};
  select pg_catalog.set_config('synchronous_commit', 'on', true) where ${commitsAsynchronously}`

/** Settings that a single statement through a pooler cannot set for itself, and the values that it accepts. */
const requiredValues: Record<string, RegExp> = {
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

const fixValues: Record<string, string> = {
  ...sessionSettings,
  synchronous_commit: 'on',
  session_replication_role: 'origin',
}

/** The settings that the program depends on but cannot set itself, where their value is wrong, with the SQL that fixes it. */
export const checkSettings = async (db: Database): Promise<{ issue: string; fix: string }[]> => {
  const rows = await db.statement(
    (sql) => sql<{ name: string; value: string; login: string }[]>`
      select name, pg_catalog.current_setting(name) as value, session_user as login
      from jsonb_array_elements_text(${sql.json(Object.keys(requiredValues))}) name`,
  )
  return rows
    .filter(({ name, value }) => !requiredValues[name]?.test(value))
    .map(({ name, value, login }) => ({
      issue: `${name} is ${value}, and has to be ${fixValues[name]}`,
      fix: `alter role "${login.replaceAll('"', '""')}" set ${name} = ${
        name === 'search_path' ? fixValues[name] : `'${fixValues[name]}'`
      };`,
    }))
}
