import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../../src/root.js'
import { endProcess } from './process.js'
import { secret } from './user.js'

export interface Server {
  url: string
  pid: number
  /** from the start of the process until it listened */
  startMs: number
  stop(): Promise<void>
}

export interface ServerOptions {
  /** Node's arguments; default: the built `colloquy serve` */
  program?: string[]
  env?: Record<string, string>
  /** the folder of another program, and how it says where it listens */
  cwd?: string
  listening?: RegExp
}

const ours = /Server listening at (http:[^"\s]+)/
const built = ['dist/src/main.js', 'serve']
const startBoundMs = 60_000
const root = fileURLToPath(packageRoot)
let count = 0

/** Starts a server on a free port. Its log goes to a file, as in a deployment. */
export const startServer = async (
  { program = built, env = {}, cwd = root, listening = ours }: ServerOptions,
  { folder, signal }: { folder: string; signal: AbortSignal },
): Promise<Server> => {
  signal.throwIfAborted()
  count += 1
  const log = join(folder, `server-${count}.log`)
  const file = await open(log, 'w')
  const start = performance.now()
  // In its own process group, so that Ctrl-C reaches only this program, which stops it.
  const child = spawn(process.execPath, program, {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', BETTER_AUTH_SECRET: secret, ...env },
    stdio: ['ignore', file.fd, file.fd],
    detached: true,
  })
  await once(child, 'spawn')
  await file.close()
  for (;;) {
    const output = await readFile(log, 'utf8')
    const url = listening.exec(output)?.[1]
    const startMs = performance.now() - start
    if (url && child.pid) return { url, pid: child.pid, startMs, stop: () => endProcess(child) }
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${output}`)
    if (signal.aborted || startMs > startBoundMs) {
      await endProcess(child)
      signal.throwIfAborted()
      throw new Error(`the server did not listen within ${startBoundMs} ms:\n${output}`)
    }
    await sleep(5)
  }
}
