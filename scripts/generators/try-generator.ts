import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { run } from '../run.js'
import { bundle, compile, fillFolder, generate, reasonOf } from './client-folder.js'
import type { Generator } from './generators.js'
import { type ClientProxy, type Contract, countOperations, startProxy } from './proxy.js'
import type { Outcome } from './scenario.js'
import { tokenOf } from './user.js'

/** The table's row of one generator, by column, and what to say of what is not as it should be. */
export interface Row {
  cells: Record<Column, string>
  reasons: string[]
}

export const columns = [
  'generates',
  'compiles',
  'operations',
  'streams',
  'filters by metadata',
  "takes tomorrow's data",
] as const
export type Column = (typeof columns)[number]

export interface Surroundings {
  folder: string
  /** where the generators' packages are */
  modules: string
  /** the contract that clients are made from, as JSON */
  document: string
  /** what the server answers, and what tomorrow's data is made by */
  contract: Contract
  /** the server that they call */
  url: string
  /** whether types are checked, too; default: yes */
  isCompiled?: boolean
  signal: AbortSignal
}

const nothing = (): Row['cells'] => ({
  generates: 'no',
  compiles: 'no',
  operations: '0',
  streams: 'no',
  'filters by metadata': 'no',
  "takes tomorrow's data": 'no',
})

const failuresOf = ({ failures }: Outcome): string[] =>
  Object.entries(failures).map(([name, reason]) => `${name}: ${reason}`)

/** Runs a client's program against the server as it is, or as a later version of it would answer. */
const call = async (program: string, isTomorrow: boolean, surroundings: Surroundings) => {
  const { url, contract, document, signal } = surroundings
  const clientContract = JSON.parse(document) as Contract
  const proxy = await startProxy(url, contract, { isTomorrow, clientContract })
  const user = randomUUID()
  const env = { TARGET_URL: proxy.url, TARGET_USER: user, TARGET_TOKEN: await tokenOf(user) }
  try {
    const output = await run(process.execPath, [program], {
      cwd: surroundings.folder,
      env,
      signal,
      boundMs: 60_000,
    })
    const outcome = JSON.parse(output.trim().split('\n').at(-1) ?? '') as Outcome
    return { outcome, failures: failuresOf(outcome), proxy }
  } finally {
    proxy.close()
  }
}

/** What keeps tomorrow's data from showing anything: it was today's, or not of the contract. */
const faultsOf = ({ changes, faults }: ClientProxy, { streams }: Outcome): string[] => [
  ...Object.entries(changes)
    .filter(([kind, count]) => count === 0 && (kind !== 'events' || streams !== 'no'))
    .map(([kind]) => `there were no unknown ${kind}`),
  ...faults,
]

/** Generates a client, compiles it, and calls every operation, of today's server and of tomorrow's. */
export const tryGenerator = async (generator: Generator, surroundings: Surroundings): Promise<Row> => {
  const { signal, modules, document, contract, isCompiled = true } = surroundings
  const place = { folder: join(surroundings.folder, generator.client), modules, signal }
  const cells = nothing()
  const reasons: string[] = []
  try {
    await fillFolder(generator, document, place)
    await generate(generator, place)
    cells.generates = 'yes'
    if (isCompiled) {
      await compile(generator, place)
      cells.compiles = 'yes'
    }
    const program = await bundle(generator, place)

    const today = await call(program, false, surroundings)
    const count = `${today.proxy.answered.size}/${countOperations(contract)}`
    cells.operations = today.failures.length > 0 ? `${count}, with failures` : count
    cells.streams = today.outcome.streams
    cells['filters by metadata'] = today.outcome.filters ? 'yes' : 'no'
    reasons.push(...today.failures.map((text) => `today: ${text}`))

    const tomorrow = await call(program, true, surroundings)
    const failures = [...tomorrow.failures, ...faultsOf(tomorrow.proxy, tomorrow.outcome)]
    if (failures.length === 0) cells["takes tomorrow's data"] = 'yes'
    reasons.push(...failures.map((text) => `tomorrow: ${text}`))
  } catch (error) {
    signal.throwIfAborted()
    reasons.push(reasonOf(error))
  }
  return { cells, reasons }
}
