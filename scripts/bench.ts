/**
 * Runs the benchmarks: `npm run bench -- [parts] [--quick] [--seconds n] [--rows n] [--verbose] [--save] [--url url]`;
 * all parts by default. `--url` leads to a Citus cluster, for the part `sharded`. Starts and removes its own PostgreSQL and servers. --save writes the tables to scripts/bench/results, and draws
 * them; `--draw <file>` only draws those of a file there. A missed target is reported but does not fail the run.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { createProgress } from '../src/commands/progress.js'
import { untilAborted } from '../src/concurrency/until-aborted.js'
import { packageRoot } from '../src/root.js'
import { branches } from './bench/branches.js'
import { capacity } from './bench/capacity.js'
import { drawResults } from './bench/charts.js'
import { openBenchEnvironment } from './bench/environment.js'
import { following } from './bench/follow.js'
import { growth } from './bench/growth.js'
import { hotPath } from './bench/hot-path.js'
import { machineText } from './bench/machine.js'
import type { Bench } from './bench/part.js'
import { prefix } from './bench/prefix.js'
import { reportText } from './bench/print.js'
import { scale } from './bench/scale.js'
import { search } from './bench/search.js'
import { sharded } from './bench/sharded.js'
import { startup } from './bench/startup.js'
import { storage } from './bench/storage.js'
import { streams } from './bench/streams.js'
import { throughput } from './bench/throughput.js'
import { tick } from './bench/tick.js'
import { traces } from './bench/traces.js'
import { userData } from './bench/user-data.js'
import { waiting } from './bench/waiting.js'
import { writes } from './bench/writes.js'
import { interrupted } from './interrupted.js'

/** In the order of execution: the big table comes last. A new part needs a file and an entry here. */
const parts = [
  throughput,
  hotPath,
  waiting,
  streams,
  following,
  writes,
  tick,
  startup,
  prefix,
  branches,
  search,
  growth,
]
/**
 * Measured only when they are named: what `growth` measures in its big table, what fills the machine or its disk, what is off unless
 * asked for, and what needs a Citus cluster.
 */
const namedOnly = [userData, capacity, storage, traces, scale, sharded]
/** Of a run with up to 10 million messages; it takes as many times longer as there are more. */
const boundMs = 30 * 60_000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    draw: { type: 'string' },
    seconds: { type: 'string' },
    rows: { type: 'string' },
    url: { type: 'string' },
  },
})

const count = (text: string | undefined, otherwise: number): number => {
  const value = Number(text ?? otherwise)
  if (!Number.isInteger(value) || value < 1) throw new Error(`${text} is not a count`)
  return value
}

const choose = () => {
  const all = [...parts, ...namedOnly]
  const unknown = positionals.filter((name) => !all.some((part) => part.name === name))
  if (unknown.length > 0) {
    throw new Error(
      `unknown part ${unknown.join(', ')}; the parts are ${all.map(({ name }) => name).join(', ')}`,
    )
  }
  return positionals.length === 0 ? parts : all.filter(({ name }) => positionals.includes(name))
}

const results = new URL('scripts/bench/results/', packageRoot)

/** Writes results, given as Markdown, with the pictures of their tables beside them. What cannot be drawn is written all the same. */
const saveResults = async (name: string, text: string): Promise<void> => {
  await mkdir(results, { recursive: true })
  await writeFile(new URL(`${name}.md`, results), text)
  const { markdown, pictures } = drawResults(text, name)
  for (const [file, content] of Object.entries({ [`${name}.md`]: markdown, ...pictures })) {
    await writeFile(new URL(file, results), content)
    console.log(`Saved scripts/bench/results/${file}.`)
  }
}

const run = async (signal: AbortSignal): Promise<void> => {
  const { quick, verbose, draw } = values
  if (draw !== undefined) {
    const name = basename(draw, '.md')
    return saveResults(name, await readFile(new URL(`${name}.md`, results), 'utf8'))
  }
  const chosen = choose()
  const options = {
    quick,
    verbose,
    seconds: count(values.seconds, quick ? 2 : 5),
    rounds: quick ? 1 : 3,
    clusterUrl: values.url,
    rows: count(values.rows, quick ? 200_000 : 10_000_000),
  }
  const start = performance.now()
  const live = createProgress()
  const line = (text: string) => `${((performance.now() - start) / 1000).toFixed(0).padStart(4)} s  ${text}`
  const progress = (text: string) => live.above(() => console.error(line(text)))
  live.begin('starting PostgreSQL')
  const environment = await openBenchEnvironment(signal).catch((error) => {
    live.fail()
    throw error
  })
  const texts: string[] = []
  try {
    const bench: Bench = { ...environment, ...options, signal, progress }
    for (const [index, part] of chosen.entries()) {
      live.begin(`${part.name} (${index + 1} of ${chosen.length})`)
      if (!live.isLive) progress(part.name)
      const text = `## ${part.name}\n\n${reportText(await untilAborted(part.run(bench), signal))}\n`
      live.done()
      console.log(`\n${text}`)
      texts.push(text)
      await environment.tidy()
    }
  } finally {
    live.clear()
    await environment.close()
  }
  if (!values.save) return
  const command = [
    'npm run bench',
    ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : []),
  ].join(' ')
  const facts = await machineText(environment.postgres, options)
  const page = [`# ${command}\n`, `${facts}\n`, ...texts].join('\n')
  await saveResults(new Date().toISOString().slice(0, 10), page)
}

const stopped = interrupted()
try {
  const times = Math.max(1, Number(values.rows ?? 0) / 10_000_000)
  await run(AbortSignal.any([stopped, AbortSignal.timeout(boundMs * times)]))
} catch (error) {
  if (!stopped.aborted) console.error(error)
  process.exitCode ??= 1
}
