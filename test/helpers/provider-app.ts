import { pino } from 'pino'
import postgres from 'postgres'
import type { Test } from 'tap'
import { type OpenModelOptions, openModel } from '../../src/models/open-model.js'
import type { ProviderCredentials, ProviderName } from '../../src/models/providers.js'
import { type TestApp, type TestAppOptions, testApp } from './app.js'
import { type Upstream, upstream } from './upstream.js'

/** The operator's key. Nothing but a request to the provider may ever hold it. */
export const providerKey = 'sk-kEpT-to-itself'

const none: ProviderCredentials = { apiKey: undefined, baseUrl: undefined }

/** The configuration of one provider at this address. */
export const credentialsFor = (provider: ProviderName, baseUrl: string) => ({
  openai: none,
  anthropic: none,
  google: none,
  'openai-compatible': none,
  [provider]: { apiKey: providerKey, baseUrl },
})

export const modelSettings: Omit<OpenModelOptions, 'credentials'> = {
  temperature: undefined,
  maxOutputTokens: undefined,
  firstEventTimeoutMs: 30_000,
  reasoning: false,
  retries: { retries: 2, firstDelayMs: 1, maxDelayMs: 5_000 },
}

export interface ProviderApp extends TestApp {
  provider: Upstream
  /** all that the log has said so far */
  logged(): string
  /** every row of every table, as text */
  dump(): Promise<string>
}

/** The server with a model of a provider, which a local server stands for. */
export const providerApp = async (
  t: Test,
  name: `${ProviderName}/${string}`,
  settings: Partial<Omit<OpenModelOptions, 'credentials'>> = {},
  options: TestAppOptions = {},
): Promise<ProviderApp> => {
  const provider = await upstream(t)
  const credentials = credentialsFor(name.split('/')[0] as ProviderName, provider.url)
  const model = await openModel(name, { ...modelSettings, ...settings, credentials })
  let logged = ''
  const write = (line: string): void => {
    logged += line
  }
  const log = pino({ level: 'trace' }, { write })
  const app = await testApp(t, { model, log, ...options })
  const sql = postgres(app.superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  const dump = async () => {
    const tables = await sql`select table_name from information_schema.tables where table_schema = 'colloquy'`
    const rows = tables.map(({ table_name }) => sql`select r::text as row from colloquy.${sql(table_name)} r`)
    return JSON.stringify(await Promise.all(rows))
  }
  return { ...app, provider, logged: () => logged, dump }
}
