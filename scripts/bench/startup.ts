import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bench, Cell, Part } from './part.js'
import { callsOf } from './user.js'

const source = ['--import', 'tsx', 'src/main.ts', 'serve']
const built = ['dist/src/main.js', 'serve']

interface Start {
  listeningMs: number
  firstAnswerMs: number
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

/** Starts a server, runs one turn, and stops it. */
const startOnce = async (bench: Bench, program: string[], env: Record<string, string>): Promise<Start> => {
  const { chat } = await callsOf('starter')
  const { method, path, headers, body = '' } = chat()
  const server = await bench.server({ program, env })
  const asked = performance.now()
  const response = await fetch(`${server.url}${path}`, { method, headers, body, signal: bench.signal })
  await response.arrayBuffer()
  const firstAnswerMs = server.startMs + (performance.now() - asked)
  await server.stop()
  if (response.status !== 200) throw new Error(`the first turn answered ${response.status}`)
  return { listeningMs: server.startMs, firstAnswerMs }
}

/** Measures the time from the start of the process to its first answered turn. */
const run = async (bench: Bench) => {
  const { folder, quick, progress } = bench
  const url = await bench.database()
  const dataDir = join(folder, 'startup')
  const migrated = { DATABASE_URL: url, NODE_ENV: 'production' }
  const ways = [
    { name: 'built, DATABASE_URL', program: built, env: async () => migrated },
    { name: '`npm start`, DATABASE_URL', program: source, env: async () => migrated },
    {
      name: '`npm start`, embedded PostgreSQL, the first time',
      program: source,
      env: async () => {
        await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
        return { DATA_DIR: dataDir }
      },
    },
    {
      name: '`npm start`, embedded PostgreSQL, again',
      program: source,
      env: async () => ({ DATA_DIR: dataDir }),
    },
  ]
  const rows: Cell[][] = []
  for (const { name, program, env } of ways) {
    progress(name)
    const starts: Start[] = []
    for (let n = 0; n < (quick ? 3 : 7); n += 1) starts.push(await startOnce(bench, program, await env()))
    rows.push([
      name,
      median(starts.map(({ listeningMs }) => listeningMs)) / 1000,
      median(starts.map(({ firstAnswerMs }) => firstAnswerMs)) / 1000,
    ])
  }
  return {
    tables: [
      {
        title: 'Start-up, medians',
        columns: ['how', 'listening s', 'first turn answered s'],
        rows,
        notes: ['`npm start` without npm itself: what its script runs.'],
      },
    ],
  }
}

export const startup: Part = { name: 'startup', run }
