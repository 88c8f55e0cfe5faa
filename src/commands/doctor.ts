import { type Config, requireTokenVerification } from '../config.js'
import { connect } from '../db/connect.js'
import { parseConnectionUrl } from '../db/connection-target.js'
import type { Database } from '../db/database.js'
import { findDrift } from '../db/drift.js'
import { pendingChanges } from '../db/migrate.js'
import { checkRls } from '../db/rls-check.js'
import { checkSettings } from '../db/settings.js'
import { toLogText, toLogTexts } from '../http/log-text.js'
import { fetchPublicKeys } from '../http/public-keys.js'
import { type Access, carriesUser, type HttpServer, type ToolServer } from '../tools/mcp/server-config.js'
import { cutDescriptions } from '../tools/mcp/tool-list.js'
import type { Notes } from '../tools/notes.js'
import type { ToolKey } from '../tools/signing-keys.js'
import { estimateTools } from '../turns/agent/history-window.js'
import { reason } from './error-message.js'
import { openModels, openOrJoinDatabase } from './runtime.js'
import { openSecret } from './secret.js'
import { withTools } from './tools.js'

interface Check {
  name: string
  /** the check without which this one says nothing new */
  needs?: string
  /** Says in a few words what is right; throws what is wrong. */
  run(): Promise<string>
}

const versionOf = async (db: Database): Promise<string> => {
  const [{ version }] = await db.asLogin(
    (sql) => sql<[{ version: string }]>`select current_setting('server_version') as version`,
  )
  if (Number.parseInt(version, 10) < 15) throw new Error(`PostgreSQL ${version}: it has to be 15 or newer`)
  return `PostgreSQL ${version}`
}

const settingsOf = async (db: Database): Promise<string> => {
  const findings = await checkSettings(db)
  if (findings.length === 0) return 'as the program needs them'
  const words = findings.map(({ issue, fix }) => `${issue}: ${fix}`).join(' ')
  throw new Error(`a connection through a pooler has those of the server. ${words}`)
}

const migrationsOf = async (db: Database): Promise<string> => {
  const { migrations, functions } = await pendingChanges(db)
  const missing = [...migrations, ...(functions ? ["this program's functions"] : [])]
  if (missing.length === 0) return 'up to date'
  throw new Error(
    `missing ${missing.join(', ')}; run "colloquy migrate", or "colloquy serve", which does it too`,
  )
}

const roleOf = async (db: Database): Promise<string> => {
  const [{ login, app, passes }] = await db.asLogin(
    (sql) => sql<[{ login: string; app: boolean; passes: boolean }]>`
      select session_user as login,
        colloquy.app_role() is not null as app,
        rolsuper or rolbypassrls as passes
      from pg_catalog.pg_roles
      where rolname = session_user`,
  )
  if (app) return `${login}, serving requests as colloquy_app`
  if (passes) throw new Error(`${login} passes row-level security and cannot switch to colloquy_app`)
  return `${login}, bound by row-level security itself`
}

const securityOf = async (db: Database): Promise<string> => {
  const findings = await checkRls(db)
  if (findings.length === 0) return "forced on every table of users' data"
  throw new Error(findings.map(({ issue, fix }) => `${issue} As an administrator run: ${fix}`).join(' '))
}

const schemaOf = async (db: Database): Promise<string> => {
  const { differences, skipped } = await findDrift(db)
  if (differences.length > 0)
    throw new Error(`differs from what this program makes: ${differences.join('; ')}`)
  if (skipped === 'all') return 'not compared, because a newer Colloquy has migrated the database'
  return skipped ? 'as this program makes it; functions are those of a newer one' : 'as this program makes it'
}

const keysOf = async (config: Config): Promise<string> => {
  requireTokenVerification(config)
  const { secret, isDevelopment } = await openSecret(config)
  const { jwksUrl, issuer, audience, sharedIssuer, sharedAudience } = config.auth
  const claims = (iss = 'any', aud = 'any') => `iss ${iss}, aud ${aud}`
  const shared = isDevelopment ? `the development secret in ${config.dataDir}` : 'BETTER_AUTH_SECRET'
  const ways = secret ? [`HS256 with ${shared} (${claims(sharedIssuer, sharedAudience)})`] : []
  if (jwksUrl) {
    const keys = await fetchPublicKeys(jwksUrl, fetch).catch((error: unknown) => {
      throw new Error(`${jwksUrl}: ${reason(error)}`)
    })
    const ids = [toLogTexts([...keys.keys()])].flat().join(', ')
    ways.push(`${keys.size} published at ${jwksUrl} (${claims(issuer, audience)}): ${ids}`)
  }
  return `accepted are tokens with sub and exp, signed by ${ways.join('; or ')}`
}

const originsOf = async ({ corsOrigins }: Config): Promise<string> =>
  corsOrigins.length > 0
    ? `pages of ${corsOrigins.join(', ')} may call`
    : 'no page of another origin may call (CHAT_CORS_ORIGINS is not set)'

const modelsOf = async (config: Config): Promise<string> => {
  const { model, otherModels } = await openModels(config)
  const others = otherModels.map(({ name }) => name).join(', ')
  const names = others ? `${model.name}; on request ${others}` : model.name
  const areOurs = [model, ...otherModels].every(({ name }) => name === 'echo')
  return areOurs ? names : `${names} (configured; not asked)`
}

/** Who asks a tool server in a check: no user of the app. */
const checker = 'doctor'

/** Whom a server or a tool is limited to, in brackets; nothing when it is for everybody. */
const limitsOf = (access: Access | undefined): string => {
  if (access?.disabled) return ' (disabled)'
  return access?.users ? ` (for ${[...access.users].join(', ') || 'nobody'})` : ''
}

/** What a server has to accept, for when it does not. */
const identityOf = ({ audience }: HttpServer, [key]: ToolKey[]): string =>
  `its tokens say iss colloquy, aud ${audience}, sub ${checker}, and the key ${key?.kid} is published by a running server`

/** What a server listed and a turn does not get, or not as it came. */
const notesOf = (notes: Notes): string =>
  [...notes]
    .map(([cause, { count, tools }]) => {
      const names = tools.map(toLogText).join(', ')
      return count === 0 ? cause : `${count} ${cause}: ${names}${count > tools.length ? ' …' : ''}`
    })
    .join('; ')

const toolsOf = (config: Config, server: ToolServer): Promise<string> | string => {
  if (server.disabled) return 'disabled'
  return withTools({ ...config, toolServers: [server] }, async ({ tools: source, keys }) => {
    const { tools, missing, notes } = await source.inspect(server, checker).catch((error: unknown) => {
      const isRefused = /answered 40[13]$/.test(reason(error)) && carriesUser(server)
      throw new Error(isRefused ? `${reason(error)}; ${identityOf(server, keys)}` : reason(error))
    })
    if (missing.length > 0)
      throw new Error(`the configuration names tools that it does not have: ${missing.join(', ')}`)
    if ([...notes.keys()].some((cause) => cause !== cutDescriptions)) throw new Error(notesOf(notes))
    if (tools.length === 0) return 'no tools'
    const names = tools.map(({ name }) => `${toLogText(name)}${limitsOf(server.tools.get(name))}`)
    const count = `${tools.length} ${tools.length === 1 ? 'tool' : 'tools'}`
    const cut = notes.size > 0 ? `; ${notesOf(notes)}` : ''
    return `${count} of about ${estimateTools(tools)} tokens${limitsOf(server)}: ${names.join(', ')}${cut}`
  })
}

/** Runs the checks in order, a line each; true when all is well. */
const report = async (checks: Check[]): Promise<boolean> => {
  const failed = new Set<string>()
  for (const { name, needs = '', run } of checks) {
    if (failed.has(needs)) {
      failed.add(name)
      console.log(`-     ${name}: not checked, because of the ${needs}`)
      continue
    }
    try {
      console.log(`ok    ${name}: ${await run()}`)
    } catch (error) {
      failed.add(name)
      console.log(`FAIL  ${name}: ${reason(error)}`)
    }
  }
  return failed.size === 0
}

/** `colloquy doctor`: one line for each thing that has to be right; false when one is not. */
export const doctor = async (config: Config): Promise<boolean> => {
  const { url, prepare } = config.database
  const isPooled = url !== undefined && parseConnectionUrl(url, prepare).isPooled
  const opening = openOrJoinDatabase(config).then((opened) => ({
    ...opened,
    db: connect({ url: opened.url, max: 1, prepare: config.database.prepare }),
  }))
  const database = async (): Promise<string> => {
    const { db, place } = await opening
    const version = await versionOf(db).catch((error: unknown) => {
      throw new Error(`${place}: ${reason(error)}`)
    })
    return `${version}, ${place}`
  }
  try {
    return await report([
      { name: 'database', run: database },
      // A connection of our own sets what it needs.
      ...(isPooled
        ? [{ name: 'settings', needs: 'database', run: async () => settingsOf((await opening).db) }]
        : []),
      { name: 'migrations', needs: 'database', run: async () => migrationsOf((await opening).db) },
      { name: 'role', needs: 'migrations', run: async () => roleOf((await opening).db) },
      { name: 'row-level security', needs: 'migrations', run: async () => securityOf((await opening).db) },
      { name: 'schema', needs: 'migrations', run: async () => schemaOf((await opening).db) },
      { name: 'keys', run: () => keysOf(config) },
      { name: 'model', run: () => modelsOf(config) },
      { name: 'browser origins', run: () => originsOf(config) },
      ...config.toolServers.map((server) => ({
        name: `tools ${server.name}`,
        run: async () => toolsOf(config, server),
      })),
    ])
  } finally {
    const opened = await opening.catch(() => undefined)
    await opened?.db.close()
    await opened?.embedded?.stop()
  }
}
