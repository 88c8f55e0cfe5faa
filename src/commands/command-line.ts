import { parseArgs } from 'node:util'
import { closestName } from '../closest-name.js'

/** A wrong command line. */
export class UsageError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

interface Option {
  /** what stands for its value in the help; an option without it is a switch */
  value?: string
  short?: string
  help: string
}

interface Command {
  summary: string
  options: Record<string, Option>
}

const general: Record<string, Option> = {
  help: { short: 'h', help: 'this text, or that of a command' },
  version: { short: 'v', help: 'the version' },
}

/** Of the commands that ask a server for a user. */
const ofUser = {
  user: { value: 'id', help: 'the user whose data it is' },
  url: { value: 'url', help: 'where the API begins; where this configuration listens unless set' },
}

const commands = {
  serve: {
    summary: 'run the server; it migrates the database first',
    options: {
      port: { value: 'port', help: 'listen on this port instead of PORT; 0 lets the system choose' },
      host: { value: 'host', help: 'listen on this address instead of HOST' },
    },
  },
  migrate: { summary: 'bring the database schema up to date', options: {} },
  shard: {
    summary: 'distribute the database over the nodes of its Citus cluster',
    options: {
      shards: {
        value: 'count',
        help: 'cut the tables into so many shards, which users share; 32 unless set',
      },
      check: { help: 'only say what is missing, and exit with 1 when something is' },
    },
  },
  token: {
    summary: 'print an HS256 token',
    options: {
      user: { value: 'id', help: 'the user whom it is for' },
      ttl: { value: 'seconds', help: 'how long it is valid; 3600 unless set' },
    },
  },
  doctor: {
    summary:
      'check the database, its schema, the role, row-level security, the keys, the model and the tools',
    options: { json: { help: 'print one JSON object, for programs' } },
  },
  export: {
    summary: "write all of a user's data as lines of JSON",
    options: { ...ofUser, file: { value: 'path', help: 'to this file; to standard output unless set' } },
  },
  import: {
    summary: "send a user's conversations from a file: an export, or that of ChatGPT or Claude",
    options: { ...ofUser, file: { value: 'path', help: 'the file' } },
  },
  erase: {
    summary: 'erase all that is stored of a user',
    options: { ...ofUser, confirm: { value: 'id', help: "the user's id again" } },
  },
  conformance: {
    summary: 'check any server that claims the contract',
    options: {
      url: { value: 'url', help: 'where its API begins, such as http://127.0.0.1:3000' },
      'token-a': { value: 'token', help: 'the token of a user; better in COLLOQUY_TOKEN_A' },
      'token-b': { value: 'token', help: 'the token of another user; better in COLLOQUY_TOKEN_B' },
      'user-a': { value: 'id', help: "the first user's id, where it is not the token's sub" },
      'user-b': { value: 'id', help: "the second user's id, where it is not the token's sub" },
      only: { value: 'names', help: 'only these operations and checks, separated by commas' },
      skip: { value: 'names', help: 'without these operations and checks' },
      erase: {
        help: 'permit to erase both users, with all that they have, in order to check that it is done',
      },
      list: { help: 'list the checks, and run none' },
      seed: { value: 'number', help: 'what the generated requests come from; a new one unless set' },
      runs: { value: 'number', help: 'how many generated requests an operation gets; 20 unless set' },
      timeout: { value: 'seconds', help: 'how long an answer may take; 150 unless set' },
      'total-timeout': { value: 'seconds', help: 'how long the run may take; 1800 unless set' },
      json: { value: 'file', help: 'write a report as JSON' },
      junit: { value: 'file', help: 'write a report as JUnit XML' },
    },
  },
} satisfies Record<string, Command>

export type CommandName = keyof typeof commands
type OptionName = { [Name in CommandName]: keyof (typeof commands)[Name]['options'] }[CommandName]
/** An option without a value is a switch. */
type Switch = 'list' | 'erase' | 'check'
/** A switch of `doctor`, and a file of `conformance`. */
type Values = Partial<
  Record<Exclude<OptionName, Switch | 'json'>, string> & Record<Switch, boolean> & { json: string | boolean }
>

const byName: Record<CommandName, Command> = commands
const isCommand = (name: string): name is CommandName => Object.hasOwn(commands, name)

const table = (rows: [name: string, help: string][]): string => {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, help]) => `  ${name.padEnd(width)}  ${help}`).join('\n')
}

const optionTable = (options: Record<string, Option>): string =>
  table(
    Object.entries(options).map(([name, { short, value, help }]) => [
      `${short ? `-${short}, ` : '    '}--${name}${value ? ` <${value}>` : ''}`,
      help,
    ]),
  )

/** The help of one command, or of all. */
export const usageOf = (name?: CommandName): string => {
  const summaries = Object.entries(byName).map(([name, { summary }]): [string, string] => [name, summary])
  const blocks = name
    ? [
        `Usage: colloquy ${name} [options]`,
        byName[name].summary,
        optionTable({ ...byName[name].options, ...general }),
      ]
    : [
        'Usage: colloquy [command] [options]',
        table(summaries),
        'Without a command it serves. `colloquy <command> --help` shows the options of one.',
        optionTable(general),
      ]
  return [
    ...blocks,
    'The configuration comes from environment variables, in development also from a file .env in the current folder: see src/commands/README.md.',
  ].join('\n\n')
}

export interface CommandLine {
  command: CommandName
  /** what is asked for instead of running the command */
  asksFor: 'help' | 'version' | undefined
  /** undefined: the help of all commands */
  helpOn: CommandName | undefined
  values: Values
}

/** CI tells a server that failed the checks (1) from a run that could not begin. */
const usageExitCode = (command: CommandName): number => (command === 'conformance' ? 2 : 1)

const unknownOption = (rawName: string, command: CommandName): UsageError => {
  const known = Object.keys({ ...byName[command].options, ...general })
  const likely = closestName(rawName.replace(/^-+/, ''), known)
  const list = known.map((name) => `--${name}`).join(', ')
  return new UsageError(
    `Unknown option '${rawName}' of "${command}"${likely ? ` (did you mean --${likely}?)` : ''}. It takes ${list}.`,
    usageExitCode(command),
  )
}

const unknownCommand = (name: string): UsageError => {
  const likely = closestName(name, Object.keys(commands))
  return new UsageError(`There is no command "${name}"${likely ? `; did you mean "${likely}"?` : '.'}`)
}

const parserOptions = (options: Record<string, Option>) =>
  Object.fromEntries(
    Object.entries(options).map(([name, { value, short }]) => [
      name,
      { type: value ? ('string' as const) : ('boolean' as const), ...(short && { short }) },
    ]),
  )

/** Every option of any command: which command it is can only be told when the values of options are known. */
const anyOption = Object.assign({}, general, ...Object.values(byName).map(({ options }) => options))

/** Reads the command line. Without a command it is `serve`. Throws UsageError. */
export const parseCommandLine = (args: string[]): CommandLine => {
  const { tokens } = parseArgs({
    args,
    options: parserOptions(anyOption),
    allowPositionals: true,
    strict: false,
    tokens: true,
  })
  const positionals = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []))
  const isHelp = positionals[0] === 'help'
  const [name, ...rest] = isHelp ? positionals.slice(1) : positionals
  const command = name !== undefined && isCommand(name) ? name : 'serve'
  const options = { ...byName[command].options, ...general }
  for (const token of tokens) {
    // Judged before the command: the value of an unknown option looks like one.
    if (token.kind === 'option' && !Object.hasOwn(options, token.name))
      throw unknownOption(token.rawName, command)
  }
  if (name !== undefined && !isCommand(name)) throw unknownCommand(name)
  const exitCode = usageExitCode(command)
  if (rest.length > 0)
    throw new UsageError(`"${command}" does not take the arguments "${rest.join(' ')}".`, exitCode)
  try {
    const { values } = parseArgs({ args, options: parserOptions(options), allowPositionals: true })
    const { help, version, ...own } = values
    return {
      command,
      asksFor: help || isHelp ? 'help' : version ? 'version' : undefined,
      helpOn: name === undefined ? undefined : command,
      values: own as Values,
    }
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), exitCode)
  }
}
