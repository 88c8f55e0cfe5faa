#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { doctor } from './commands/doctor.js'
import { errorMessage } from './commands/error-message.js'
import { migrate } from './commands/migrate.js'
import { StartupError, serve } from './commands/serve.js'
import { printToken } from './commands/token.js'
import { readConfig } from './config.js'
import { ConfigError } from './environment.js'

const usage = `Usage: colloquy <command>

  serve                          run the server (migrates the database first)
  migrate                        bring the database schema up to date
  token --user <id> [--ttl <s>]  print an HS256 token, good for an hour or <s> seconds
  doctor                         check the database, its schema, the role, row-level security, the keys, the model and the tools

The configuration comes from environment variables: see the README.`

class UsageError extends Error {}

const parse = () => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        user: { type: 'string' },
        ttl: { type: 'string', default: '3600' },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

const userPattern = /^(?!\.{1,2}$)[A-Za-z0-9_.:@-]{1,128}$/

const run = async (): Promise<void> => {
  const { values, positionals } = parse()
  const [command, ...rest] = positionals
  if (values.help || command === 'help') return console.log(usage)
  if (command === undefined) throw new UsageError('No command given.')
  if (rest.length > 0) throw new UsageError(`"${command}" does not take the arguments "${rest.join(' ')}".`)
  const config = () => readConfig(process.env)
  switch (command) {
    case 'serve':
      return serve(config())
    case 'migrate':
      return migrate(config())
    case 'token': {
      const { user = '', ttl } = values
      if (!userPattern.test(user)) {
        throw new UsageError('token needs --user with 1 to 128 of A-Z a-z 0-9 _ . : @ -, and not . or ..')
      }
      if (!/^[1-9]\d{0,8}$/.test(ttl)) throw new UsageError('--ttl takes 1 to 999999999 seconds')
      return printToken(config(), user, Number(ttl))
    }
    case 'doctor':
      process.exitCode = (await doctor(config())) ? 0 : 1
      return
    default:
      throw new UsageError(`There is no command "${command}".`)
  }
}

// A closed pipe (`colloquy doctor | head`) must not keep a command from stopping what it started.
process.stdout.on('error', () => {})

try {
  await run()
} catch (error) {
  process.exitCode ??= 1
  if (error instanceof UsageError) console.error(`${error.message}\n\n${usage}`)
  else if (error instanceof ConfigError || error instanceof StartupError) console.error(error.message)
  else console.error(`colloquy: ${errorMessage(error)}`)
}
