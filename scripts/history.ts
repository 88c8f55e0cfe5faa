/**
 * A long run of the history checker: `npm run history [-- --turns 5000 --faults 50 --seed <n> --pooler --postgres 15]`. Prints
 * its progress, a table, and the path of a picture: the faults and the answers over time. If a rule is violated, prints the
 * violations and the folder with the records, and exits with 1.
 */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createScope } from '../test/helpers/scope.js'
import { drawFaults } from '../test/history/faults.js'
import { killablePostgres } from '../test/history/postgres.js'
import type { RunResult } from '../test/history/result.js'
import { run } from '../test/history/run.js'
import { timelinePicture } from './history-timeline.js'
import { interrupted } from './interrupted.js'

const { values } = parseArgs({
  options: {
    turns: { type: 'string', default: '5000' },
    faults: { type: 'string', default: '50' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    pooler: { type: 'boolean', default: false },
    postgres: { type: 'string' },
  },
})
const wholeNumber = (name: 'turns' | 'faults' | 'seed'): number => {
  const number = Number(values[name])
  if (Number.isSafeInteger(number) && number >= 0) return number
  throw new Error(`--${name} takes a whole number`)
}
const turns = wholeNumber('turns')
const faults = wholeNumber('faults')
const seed = wholeNumber('seed')

/** On a busy machine with two cores a turn takes up to 50 ms, and a fault that starts a server up to 30 s. */
const boundMs = 60_000 + 50 * turns + 30_000 * faults

const table = (
  { turns, conversations, sends, modelRuns, answers, faults }: RunResult,
  seconds: number,
): string => {
  const rows = {
    turns,
    conversations,
    'requests sent': sends,
    'runs of the model': modelRuns,
    ...answers,
    ...faults,
  }
  return Object.entries({ ...rows, seconds: Math.round(seconds) })
    .map(([name, value]) => `${name.padEnd(30)}${String(value).padStart(8)}`)
    .join('\n')
}

const signal = interrupted()
const folder = await mkdtemp(join(tmpdir(), 'colloquy-history-'))
await chmod(folder, 0o755)
const scope = createScope()
let isKept = false
try {
  console.log(`seed ${seed}: at least ${turns} turns and ${faults} faults`)
  const start = performance.now()
  const postgres = await killablePostgres(scope, values.postgres)
  const result = await run({
    postgres,
    folder,
    seed,
    turns,
    faults: drawFaults(seed, faults),
    boundMs,
    pooled: values.pooler,
    signal,
    log: (line) => console.log(line),
  })
  console.log(table(result, (performance.now() - start) / 1_000))
  const picture = join('dist', 'history', `${seed}.svg`)
  await mkdir(join('dist', 'history'), { recursive: true })
  await writeFile(picture, timelinePicture(result.timeline, `History of seed ${seed}`))
  console.log(`The faults and the answers over time: ${picture}`)
  const { violations } = result
  for (const { rule, text } of violations.slice(0, 20)) console.log(`${rule}: ${text}`)
  console.log(`${violations.length} violations`)
  isKept = violations.length > 0
} catch (error) {
  if (!signal.aborted) {
    console.error(error)
    isKept = true
  }
} finally {
  await scope.end()
  if (isKept) {
    process.exitCode ??= 1
    console.log(`The records are in ${folder}.`)
  } else await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
