import { once } from 'node:events'
import { join } from 'node:path'
import type { Scope } from '../helpers/scope.js'
import { within } from '../helpers/wait.js'
import { type Part, spawnPart } from './part.js'
import { now, recorder } from './records.js'
import type { ServerOptions } from './server.js'

/** A place for one server process after the other. */
export interface Instance {
  /** where it listens; undefined while it does not */
  url(): string | undefined
  /** Starts it; resolves when it listens. */
  start(): Promise<void>
  signal(signal: NodeJS.Signals): void
  /** Sends the signal, and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>
}

export interface InstanceOptions extends ServerOptions {
  program: string
  /** the process ended although nobody asked it to */
  onCrash: (why: string) => void
}

const shutdownBoundMs = 5_000

export const createInstance = (t: Scope, { program, onCrash, ...options }: InstanceOptions): Instance => {
  let starts = 0
  let url: string | undefined
  let part: Part | undefined
  const record = recorder(join(options.folder, `${options.name}.jsonl`))

  return {
    url: () => url,
    async start() {
      starts += 1
      const name = `${options.name}.${starts}`
      const started = spawnPart(t, program, 'server.ts', { ...options, name, seed: options.seed + starts })
      part = started
      const failed = started.ended.then((how) => {
        const why = `server ${name} ended with ${how}: ${started.words()}`
        if (part === started && url !== undefined) onCrash(why)
        throw new Error(why)
      })
      failed.catch(() => {})
      ;[url] = (await within(
        () => `server ${name} to listen, which has said: ${started.words()}`,
        Promise.race([once(started.child, 'message'), failed]),
      )) as [string]
    },
    signal: (signal) => void part?.child.kill(signal),
    async end(signal) {
      const ending = part
      part = undefined
      url = undefined
      // A server that is killed cannot write down that it was.
      record({ type: 'halt', at: now(), server: `${options.name}.${starts}` })
      ending?.child.kill(signal)
      const force = setTimeout(() => ending?.child.kill('SIGKILL'), shutdownBoundMs)
      await ending?.ended
      clearTimeout(force)
    },
  }
}
