#!/usr/bin/env node
import { readFile } from 'node:fs/promises'
import { isExiting } from './commands/before-signal-exit.js'
import { type CommandLine, parseCommandLine, UsageError, usageOf } from './commands/command-line.js'
import { errorMessage } from './commands/error-message.js'
import { StartupError } from './commands/startup-error.js'
import type { Config } from './config.js'
import { ConfigError, type Environment } from './environment.js'
import { withEnvironmentFile } from './environment-file.js'
import { misspeltVariables } from './misspelt-variables.js'
import { packageRoot } from './root.js'

/**
 * The configuration of the environment and, in development, of `.env`. What is odd about it goes to stderr. `others` are variables that
 * the command itself reads. Throws ConfigError.
 */
const configure = async (overrides: Environment = {}, others: string[] = []): Promise<Config> => {
  const { readConfigRecorded } = await import('./config.js')
  const { env, fromFile } = withEnvironmentFile(process.env, process.cwd())
  const known = new Set(others)
  // With nothing set, which reads every variable but those that a file of tool servers names.
  readConfigRecorded({}, known)
  try {
    return readConfigRecorded({ ...env, ...overrides }, known)
  } finally {
    const read = fromFile.filter((name) => known.has(name) && overrides[name] === undefined)
    if (read.length > 0) console.error(`Read from .env: ${read.join(', ')}`)
    // Also when the configuration is refused, for which a misspelt name may be the reason.
    for (const warning of misspeltVariables(env, known)) console.error(`Warning: ${warning}`)
  }
}

/** The variables of `conformance`: its own, which have nothing to do with a server's. Throws UsageError. */
const conformanceVariables = (): Environment => {
  try {
    const { env, fromFile } = withEnvironmentFile(process.env, process.cwd())
    const read = fromFile.filter((name) => name.startsWith('COLLOQUY_TOKEN_'))
    if (read.length > 0) console.error(`Read from .env: ${read.join(', ')}`)
    return env
  } catch (error) {
    // It has not begun, which is another exit code than that of a failed check.
    throw error instanceof ConfigError ? new UsageError(error.message, 2) : error
  }
}

/** What --port and --host stand for. */
const listeningOn = ({ port, host }: CommandLine['values']): Environment => {
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) <= 65_535)) {
    throw new UsageError('--port takes an integer from 0 to 65535')
  }
  if (host?.trim() === '') throw new UsageError('--host takes an address or a host name')
  return { ...(port !== undefined && { PORT: port }), ...(host !== undefined && { HOST: host }) }
}

const version = async (): Promise<string> => {
  const { version } = JSON.parse(await readFile(new URL('package.json', packageRoot), 'utf8'))
  return version
}

/** Whether the contract's UserId has it. */
const isUserId = async (text: string): Promise<boolean> => {
  const contract = JSON.parse(await readFile(new URL('generated/openapi.json', packageRoot), 'utf8'))
  const { pattern, maxLength } = contract.components.schemas.UserId
  return new RegExp(pattern, 'u').test(text) && text.length <= maxLength
}

/** Has a token of the user; a secret, so that no option has it. */
const TOKEN_VARIABLE = 'COLLOQUY_TOKEN'

/** Whose data a command is about, and where it is. Throws UsageError and ConfigError. */
const userOf = async (command: string, { user = '', url }: CommandLine['values']) => {
  if (!(await isUserId(user))) throw new UsageError(`${command} needs --user, the id of a user`)
  if (url !== undefined && !/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ''))
    throw new UsageError('--url takes an http or https URL, such as http://127.0.0.1:3000')
  const { env } = withEnvironmentFile(process.env, process.cwd())
  return { user, url, token: env[TOKEN_VARIABLE]?.trim() }
}

/** A command's program is loaded when it is asked for: all of them together take longer than most of them run. */
const run = async (): Promise<void> => {
  const { command, asksFor, helpOn, values } = parseCommandLine(process.argv.slice(2))
  if (asksFor === 'help') return console.log(usageOf(helpOn))
  if (asksFor === 'version') return console.log(await version())
  switch (command) {
    case 'serve': {
      const config = await configure(listeningOn(values))
      const { serve } = await import('./commands/serve.js')
      return serve(config)
    }
    case 'migrate': {
      const config = await configure()
      const { migrate } = await import('./commands/migrate.js')
      return migrate(config)
    }
    case 'shard': {
      const { shards, check = false } = values
      if (shards !== undefined && !(/^[1-9]\d{0,4}$/.test(shards) && Number(shards) <= 64_000))
        throw new UsageError('--shards takes an integer from 1 to 64000')
      const config = await configure()
      const { shard } = await import('./commands/shard.js')
      process.exitCode = await shard(config, {
        shards: shards === undefined ? undefined : Number(shards),
        isCheck: check,
      })
      return
    }
    case 'token': {
      const { user = '', ttl = '3600' } = values
      if (!(await isUserId(user))) {
        throw new UsageError('token needs --user with 1 to 128 of A-Z a-z 0-9 _ . : @ -, and not . or ..')
      }
      if (!/^[1-9]\d{0,8}$/.test(ttl)) throw new UsageError('--ttl takes 1 to 999999999 seconds')
      const config = await configure()
      const { printToken } = await import('./commands/token.js')
      return printToken(config, user, Number(ttl))
    }
    case 'doctor': {
      const { doctor } = await import('./commands/doctor.js')
      process.exitCode = (await doctor(configure, values.json === true)) ? 0 : 1
      return
    }
    case 'export': {
      const options = await userOf(command, values)
      const config = await configure({}, [TOKEN_VARIABLE])
      const { exportUser } = await import('./commands/user-data.js')
      return exportUser(config, options, values.file)
    }
    case 'import': {
      const options = await userOf(command, values)
      if (!values.file) throw new UsageError('import needs --file')
      const config = await configure({}, [TOKEN_VARIABLE])
      const { importUser } = await import('./commands/user-data.js')
      return importUser(config, options, values.file)
    }
    case 'erase': {
      const options = await userOf(command, values)
      if (values.confirm !== options.user)
        throw new UsageError('erase needs --confirm with the same id as --user')
      const config = await configure({}, [TOKEN_VARIABLE])
      const { eraseUser } = await import('./commands/user-data.js')
      return eraseUser(config, options, values.confirm)
    }
    case 'conformance': {
      const { conformance } = await import('./commands/conformance.js')
      process.exitCode = await conformance(values, conformanceVariables())
      return
    }
  }
}

// A closed pipe (`colloquy doctor | head`, `2>&1 | head`) must not keep a command from stopping what it started.
for (const output of [process.stdout, process.stderr]) output.on('error', () => {})

try {
  await run()
} catch (error) {
  process.exitCode ??= error instanceof UsageError ? error.exitCode : 1
  if (error instanceof UsageError) console.error(`${error.message}\n\n${usageOf()}`)
  else if (error instanceof ConfigError || error instanceof StartupError) console.error(error.message)
  // What fails while a signal ends the process is no news.
  else if (!isExiting()) console.error(`colloquy: ${errorMessage(error)}`)
}
