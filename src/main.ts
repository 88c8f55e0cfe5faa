#!/usr/bin/env node
import { readFile } from 'node:fs/promises'
import { type CommandLine, parseCommandLine, UsageError, usageOf } from './commands/command-line.js'
import { doctor } from './commands/doctor.js'
import { errorMessage } from './commands/error-message.js'
import { migrate } from './commands/migrate.js'
import { StartupError } from './commands/open-chat.js'
import { serve } from './commands/serve.js'
import { printToken } from './commands/token.js'
import { type Config, readConfigRecorded } from './config.js'
import { ConfigError, type Environment } from './environment.js'
import { withEnvironmentFile } from './environment-file.js'
import { misspeltVariables } from './misspelt-variables.js'
import { packageRoot } from './root.js'

/** The configuration of the environment and, in development, of `.env`. What is odd about it goes to stderr. Throws ConfigError. */
const configure = (overrides: Environment = {}): Config => {
  const { env, fromFile } = withEnvironmentFile(process.env, process.cwd())
  const known = new Set<string>()
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

const userPattern = /^(?!\.{1,2}$)[A-Za-z0-9_.:@-]{1,128}$/

const run = async (): Promise<void> => {
  const { command, asksFor, helpOn, values } = parseCommandLine(process.argv.slice(2))
  if (asksFor === 'help') return console.log(usageOf(helpOn))
  if (asksFor === 'version') return console.log(await version())
  switch (command) {
    case 'serve':
      return serve(configure(listeningOn(values)))
    case 'migrate':
      return migrate(configure())
    case 'token': {
      const { user = '', ttl = '3600' } = values
      if (!userPattern.test(user)) {
        throw new UsageError('token needs --user with 1 to 128 of A-Z a-z 0-9 _ . : @ -, and not . or ..')
      }
      if (!/^[1-9]\d{0,8}$/.test(ttl)) throw new UsageError('--ttl takes 1 to 999999999 seconds')
      return printToken(configure(), user, Number(ttl))
    }
    case 'doctor':
      process.exitCode = (await doctor(configure())) ? 0 : 1
      return
    case 'conformance': {
      const { conformance } = await import('./commands/conformance.js')
      process.exitCode = await conformance(values, process.env)
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
  else console.error(`colloquy: ${errorMessage(error)}`)
}
