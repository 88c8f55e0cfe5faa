import type { Server, ServerOptions } from './server.js'

/** A table cell; numbers are formatted when printed. */
export type Cell = string | number

export interface Table {
  title: string
  columns: string[]
  rows: Cell[][]
  /** explanations for the reader */
  notes?: string[]
}

/** A figure with a target value. */
export interface Target {
  what: string
  /** such as `at least 0.70` */
  wanted: string
  measured: Cell
  isMet: boolean
}

export interface Report {
  tables: Table[]
  targets?: Target[]
}

/** The environment of a part. All of it is removed at the end of the run, even after a failure. */
export interface Bench {
  /** the duration of one measurement */
  seconds: number
  /** how often to alternate between the measurements that are compared */
  rounds: number
  /** the number of messages in the big table */
  rows: number
  /** also print query plans */
  verbose: boolean
  /** a Citus cluster to measure on */
  clusterUrl?: string | undefined
  /** trade precision for speed */
  quick: boolean
  signal: AbortSignal
  /** the run's temporary folder */
  folder: string
  progress(text: string): void
  /** Creates and migrates a database. Resolves with the superuser's URL. */
  database(): Promise<string>
  /** Starts a server; by default `colloquy serve`. */
  server(options: ServerOptions): Promise<Server>
}

export interface Part {
  /** its name on the command line */
  name: string
  run(bench: Bench): Promise<Report>
}
