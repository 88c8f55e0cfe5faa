/**
 * Predicts what instances and databases hold: `npm run simulate -- [--instances 1,2,4] [--databases 1] [--clients 100]
 * [--cores 4] [--model-ms 0] [--round-trip-ms 0.3] [--costs file]`. `--measure` measures this machine's costs with one instance first, keeps them
 * with `--costs`, and holds the prediction against as many instances here.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { markdownTable } from 'markdown-table'
import { createProgress } from '../src/commands/progress.js'
import { interrupted } from './interrupted.js'
import { measureMachine } from './simulate/measure.js'
import { type Costs, type Prediction, simulate } from './simulate/model.js'

/** Of a machine with two slow cores, by `--measure`; milliseconds a turn. */
const usual: Costs = { server: 0.4, database: 0.45, batch: 0.3, commit: 0.3, roundTrip: 0.3, load: 0 }
const wantedShare = 0.25

const { values } = parseArgs({
  options: {
    instances: { type: 'string', default: '1,2,4' },
    databases: { type: 'string', default: '1' },
    clients: { type: 'string', default: '100' },
    cores: { type: 'string', default: '4' },
    'model-ms': { type: 'string', default: '0' },
    'round-trip-ms': { type: 'string' },
    seconds: { type: 'string', default: '5' },
    costs: { type: 'string' },
    measure: { type: 'boolean', default: false },
  },
})

const numbers = (name: string, text: string, least: number): number[] =>
  text.split(',').map((part) => {
    const value = Number(part)
    if (part.trim() === '' || !(value >= least))
      throw new Error(`--${name} ${text}: ${part} is not a number from ${least} on`)
    return value
  })
const number = (name: string, text: string, least: number): number => numbers(name, text, least)[0] as number

const cellsOf = ({
  turnsPerSecond,
  p50,
  p99,
  perBatch,
  instanceCores,
  databaseCores,
}: Prediction): string[] => [
  turnsPerSecond.toFixed(0),
  p50.toFixed(1),
  p99.toFixed(1),
  perBatch.toFixed(1),
  instanceCores.toFixed(2),
  databaseCores.toFixed(2),
]
const head = [
  'instances',
  'databases',
  'turns/s',
  'p50 ms',
  'p99 ms',
  'turns a batch',
  "instances' cores",
  "databases' cores",
]
const print = (rows: string[][]): void => console.log(`\n${markdownTable(rows, { align: 'r' })}\n`)

const readCosts = async (): Promise<Costs> => {
  const costs: Costs = values.costs === undefined ? usual : JSON.parse(await readFile(values.costs, 'utf8'))
  const trip = values['round-trip-ms']
  return trip === undefined ? costs : { ...costs, roundTrip: number('round-trip-ms', trip, 0) }
}

const predict = async (): Promise<void> => {
  const costs = await readCosts()
  const rows = numbers('instances', values.instances, 1).flatMap((instances) =>
    numbers('databases', values.databases, 1).map((databases) => {
      const setup = {
        instances,
        databases,
        clients: number('clients', values.clients, 1),
        databaseCores: number('cores', values.cores, 1),
        modelMs: number('model-ms', values['model-ms'], 0),
      }
      return [String(instances), String(databases), ...cellsOf(simulate(costs, setup))]
    }),
  )
  print([head, ...rows])
}

/** Measures, predicts, and says how far the two are apart. */
const compare = async (signal: AbortSignal): Promise<void> => {
  const live = createProgress()
  const clients = number('clients', values.clients, 1)
  const seconds = number('seconds', values.seconds, 1)
  const counts = numbers('instances', values.instances, 1)
  live.begin('starting PostgreSQL')
  const { costs, turnsPerSecond } = await measureMachine({
    counts,
    clients,
    seconds,
    signal,
    progress: (text) => live.begin(text),
  }).catch((error) => {
    live.fail()
    throw error
  })
  live.done()
  console.log(`The costs of a turn, in ms: ${JSON.stringify(costs)}`)
  if (values.costs !== undefined) await writeFile(values.costs, `${JSON.stringify(costs)}\n`)
  const sharedCores = cpus().length
  const rows = counts.map((instances, n) => {
    const setup = { instances, databases: 1, clients, databaseCores: sharedCores, sharedCores, modelMs: 0 }
    const predicted = simulate(costs, setup).turnsPerSecond
    const measured = turnsPerSecond[n] ?? Number.NaN
    const off = predicted / measured - 1
    return [
      String(instances),
      predicted.toFixed(0),
      measured.toFixed(0),
      `${off < 0 ? '' : '+'}${(100 * off).toFixed(0)} %`,
      Math.abs(off) <= wantedShare ? 'yes' : 'NO',
    ]
  })
  print([
    ['instances', 'predicted turns/s', 'measured turns/s', 'off by', `within ${100 * wantedShare} %`],
    ...rows,
  ])
}

const stopped = interrupted()
try {
  await (values.measure ? compare(stopped) : predict())
} catch (error) {
  if (!stopped.aborted) console.error(error instanceof Error ? error.message : error)
  process.exitCode ??= 1
}
