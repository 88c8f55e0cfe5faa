import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { commandLine, identify, stopPostmaster } from './process.js'
import { commandFor, type Runner } from './runner.js'

interface PostgresProcess {
  port: number
  /** resolves on exit: with nothing after `stop()`, otherwise with the reason */
  exited: Promise<Error | undefined>
  stop(): Promise<void>
}

interface LaunchOptions {
  runner: Runner
  postgres: string
  data: string
  logFile: string
  settings: Record<string, string>
}

const startTimeoutMs = 60_000
/** Another program took the port, or processes of a killed server are still exiting. */
const transientFailure = /Address already in use|pre-existing shared memory block/
const delays = [50, 100, 200, 400, 800, 1600, 3200, 3200]

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  await once(probe.close(), 'close')
  if (!address || typeof address === 'string') throw new Error('The system assigned no port.')
  return address.port
}

/** Reads the process id and the state from postmaster.pid. */
const readPidFile = async (data: string) => {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n')
  // A standby accepts connections too.
  return { pid: Number(lines[0]), ready: /^(ready|standby)\s*$/.test(lines[7] ?? '') }
}

/**
 * Stops a server that outlived the program which started it. If the pid in postmaster.pid meanwhile belongs to another
 * program, PostgreSQL could not tell and would refuse to start: that file is removed.
 */
export const endOrphan = async (data: string, log: (line: string) => void): Promise<void> => {
  const { pid } = await readPidFile(data)
  const identity = pid > 0 ? identify(pid) : undefined
  // A copied folder contains the pid file of the original's server: the command line names the actual folder.
  const isOurs = commandLine(pid).includes(`postgres -D ${data} `)
  if (identity && isOurs) {
    log(`stopping the PostgreSQL (process ${pid}) that an earlier run left behind`)
    await stopPostmaster(identity)
  } else if (pid > 0) {
    await rm(join(data, 'postmaster.pid'), { force: true })
  }
}

/** The last log lines after `start`; empty when the log is gone, since it only adds context. */
const tail = async (logFile: string, start: number): Promise<string> => {
  const file = await open(logFile).catch(() => undefined)
  if (!file) return ''
  const from = Math.max(start, (await file.stat()).size - 4096)
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(4096), position: from })
  await file.close()
  return buffer.subarray(0, bytesRead).toString().trim().split('\n').slice(-15).join('\n')
}

const launch = async ({
  runner,
  postgres,
  data,
  logFile,
  settings,
}: LaunchOptions): Promise<PostgresProcess> => {
  const port = await freePort()
  const fixed = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
  }
  const flags = Object.entries({ ...settings, ...fixed }).flatMap(([key, value]) => ['-c', `${key}=${value}`])
  const { file, args, options } = commandFor(runner, postgres, ['-D', data, ...flags])
  const log = await open(logFile, 'a', 0o600)
  const logStart = (await log.stat()).size
  // In its own session, so that Ctrl-C reaches only this program, which stops PostgreSQL after draining.
  const child = spawn(file, args, { ...options, detached: true, stdio: ['ignore', log.fd, log.fd] })
  await once(child, 'spawn')
  const ended = once(child, 'exit')
  await log.close()
  const identity = child.pid && identify(child.pid)
  const lastWords = () => tail(logFile, logStart)
  let stopping: Promise<void> | undefined
  const exited = ended.then(async ([code, signal]) =>
    stopping
      ? undefined
      : new Error(
          `PostgreSQL exited unexpectedly (${signal ?? code}); ${logFile} ends with:\n${await lastWords()}`,
        ),
  )
  const stop = () => {
    stopping ??= (async () => {
      if (identity) await stopPostmaster(identity)
      await ended
    })()
    return stopping
  }

  let failure: Error | undefined
  exited.then((reason) => {
    failure = reason
  })
  for (const end = Date.now() + startTimeoutMs; ; await sleep(20)) {
    if (failure) throw failure
    const state = await readPidFile(data)
    if (state.ready && state.pid === child.pid) return { port, exited, stop }
    if (Date.now() > end) {
      await stop()
      throw new Error(
        `PostgreSQL was not ready after ${startTimeoutMs} ms; ${logFile} ends with:\n${await lastWords()}`,
      )
    }
  }
}

/** Starts PostgreSQL on a free port of the loopback interface. Resolves when it accepts connections. */
export const startServer = async (options: LaunchOptions): Promise<PostgresProcess> => {
  await rename(options.logFile, `${options.logFile}.previous`).catch(() => undefined)
  for (const delay of delays) {
    try {
      return await launch(options)
    } catch (error) {
      if (!(error instanceof Error && transientFailure.test(error.message))) throw error
      await sleep(delay)
    }
  }
  return launch(options)
}
