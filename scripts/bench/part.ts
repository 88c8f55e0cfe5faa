import type { Server, ServerOptions } from './server.js'

/** A figure as it is printed. */
export type Cell = string | number

export interface Table {
  title: string
  columns: string[]
  rows: Cell[][]
  /** what a reader has to know to read it */
  notes?: string[]
}

/** A figure that was promised. */
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

/** What a part may use. All of it is gone at the end of the run, however that comes. */
export interface Bench {
  /** how long one measurement lasts */
  seconds: number
  /** how often measurements that are compared take turns */
  rounds: number
  /** how many messages the big table holds */
  rows: number
  /** whether to print plans, too */
  verbose: boolean
  /** whether to be done soon rather than exact */
  quick: boolean
  signal: AbortSignal
  /** a folder of this run */
  folder: string
  progress(text: string): void
  /** The superuser's URL of a new, migrated database. */
  database(): Promise<string>
  /** Starts a server; `colloquy serve`, unless told otherwise. */
  server(options: ServerOptions): Promise<Server>
}

export interface Part {
  /** its name on the command line */
  name: string
  run(bench: Bench): Promise<Report>
}
