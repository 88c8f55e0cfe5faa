/**
 * Lets instances run under a constant load while some of them are killed, and says whether memory, WAL and tables stay as predicted,
 * and whether anything was lost or done twice: `npm run soak [-- --minutes 60 --rate <turns/s> --kills-every 30 --pooler]`. Ctrl-C
 * ends it before its time. Exits with 1 when a rule is broken; a missed target is reported.
 */
import { parseArgs } from 'node:util'
import { createProgress } from '../src/commands/progress.js'
import { openBenchEnvironment } from './bench/environment.js'
import { reportText } from './bench/print.js'
import { interrupted } from './interrupted.js'
import { soak } from './soak/soak.js'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    rate: { type: 'string' },
    'kills-every': { type: 'string', default: '30' },
    pooler: { type: 'boolean', default: false },
  },
})
const number = (name: string, text: string, most: number): number => {
  const value = Number(text)
  if (value > 0 && value <= most) return value
  throw new Error(`--${name} ${text}: a number above 0, at most ${most}`)
}

const stopped = interrupted()
const live = createProgress()
const start = performance.now()
const progress = (text: string) => {
  const line = `${((performance.now() - start) / 1000).toFixed(0).padStart(5)} s  ${text}`
  if (live.isLive) live.update(line)
  else console.error(line)
}
try {
  const seconds = 60 * number('minutes', values.minutes, 24 * 60)
  const rate = values.rate === undefined ? undefined : number('rate', values.rate, 100_000)
  const killEveryMs = 1000 * number('kills-every', values['kills-every'], 86_400)
  live.begin('starting PostgreSQL')
  // Servers go on until the end, so that what there is can be told.
  const environment = await openBenchEnvironment(new AbortController().signal)
  try {
    const bench = { ...environment, progress }
    const options = { bench, signal: stopped, seconds, rate, killEveryMs, pooled: values.pooler }
    const { report, violations } = await soak(options)
    live.clear()
    console.log(`\n${reportText(report)}\n`)
    for (const violation of violations) console.log(violation)
    console.log(`${violations.length} violations`)
    if (violations.length > 0) process.exitCode = 1
  } finally {
    live.clear()
    await environment.close()
  }
} catch (error) {
  console.error(error)
  process.exitCode ??= 1
}
