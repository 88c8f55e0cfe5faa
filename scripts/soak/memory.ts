import { readFile } from 'node:fs/promises'
import type { Table, Target } from '../bench/part.js'
import { linearFit } from './linear-fit.js'

/** A process's memory in bytes, just after a full garbage collection; `at` in milliseconds. */
export interface MemorySample {
  at: number
  rss: number
  heapUsed: number
  external: number
}

/** Samples that are averaged before the line is fitted: those that follow each other are not independent, as the error takes them to be. */
const samplesOfBlock = 6
/** Of the time, what is left out at the start: caches fill, code is compiled, tables grow to their size. */
const warmUpShare = 0.2
const hourMs = 3_600_000
/** Past it something is kept for ever: some bytes of each turn, of two hundred thousand in an hour. */
const wantedKiBAnHour = 1024

/**
 * Node's arguments for a process that writes its own memory into a file. Only the process itself can collect its garbage
 * first, without which its memory is mostly that.
 */
export const probeArgs = (file: string, everyMs: number): string[] => {
  const code = `
    import { appendFileSync } from 'node:fs'
    setInterval(() => {
      globalThis.gc()
      appendFileSync(${JSON.stringify(file)}, JSON.stringify({ at: Date.now(), ...process.memoryUsage() }) + '\\n')
    }, ${everyMs}).unref()`
  return ['--expose-gc', '--import', `data:text/javascript,${encodeURIComponent(code)}`]
}

export const readMemory = async (file: string): Promise<MemorySample[]> => {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line))
}

const averages = (samples: MemorySample[], of: (sample: MemorySample) => number) =>
  Array.from({ length: Math.floor(samples.length / samplesOfBlock) }, (_, n) => {
    const block = samples.slice(n * samplesOfBlock, (n + 1) * samplesOfBlock)
    const mean = (value: (sample: MemorySample) => number) =>
      block.reduce((sum, sample) => sum + value(sample), 0) / block.length
    return { x: mean(({ at }) => at) / hourMs, y: mean(of) / 1024 }
  })

/** How the memory of an instance grew that has lived through all of it. */
export const memoryReport = (all: MemorySample[]): { table: Table; targets: Target[] } => {
  const from = all[0]?.at ?? 0
  const to = all.at(-1)?.at ?? 0
  const samples = all.filter(({ at }) => at >= from + warmUpShare * (to - from))
  const kinds: [name: string, of: (sample: MemorySample) => number][] = [
    ['heap', ({ heapUsed }) => heapUsed],
    ['outside the heap', ({ external }) => external],
    ['RSS', ({ rss }) => rss],
  ]
  const lines = kinds.map(([name, of]) => {
    const points = averages(samples, of)
    return { name, first: points[0]?.y ?? 0, last: points.at(-1)?.y ?? 0, ...linearFit(points) }
  })
  const figure = (value: number): string => (Number.isNaN(value) ? '–' : value.toFixed(0))
  return {
    table: {
      title: `Memory of the instance that is never killed, after garbage collections, in ${((to - from) / 60_000).toFixed(1)} minutes`,
      columns: ['memory', 'KiB at first', 'KiB at last', 'slope KiB/h', 'standard error'],
      rows: lines.map(({ name, first, last, slope, error }) => [
        name,
        figure(first),
        figure(last),
        figure(slope),
        figure(error),
      ]),
      notes: [
        `${samples.length} samples; the first ${100 * warmUpShare} % of the time are left out. The line is fitted to averages of ${samplesOfBlock} samples.`,
      ],
    },
    // RSS is the allocator's too, which keeps what it once had.
    targets: lines
      .slice(0, 2)
      // Too short to tell.
      .filter(({ error }) => !Number.isNaN(error))
      .map(({ name, slope, error }) => ({
        what: `memory is flat: slope of ${name}, less twice its error`,
        wanted: `at most ${wantedKiBAnHour} KiB/h`,
        measured: (slope - 2 * error).toFixed(0),
        isMet: slope - 2 * error <= wantedKiBAnHour,
      })),
  }
}
