import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { nodeArgs } from '../helpers/program.js'
import type { Scope } from '../helpers/scope.js'

export interface Part {
  child: ChildProcess
  /** settles when it has ended, with its exit code or signal */
  ended: Promise<number | NodeJS.Signals>
  /** the end of what it said on standard error */
  words(): string
}

/** A process of a run: a file of this folder, in the program's folder or in a changed copy of it. Killed at the end. */
export const spawnPart = (t: Scope, program: string, file: string, options: object): Part => {
  const args = nodeArgs(program, join('test/history', file))
  const child = spawn(process.execPath, [...args, JSON.stringify(options)], {
    cwd: program,
    // Without the variables by which tap would follow it.
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  })
  let words = ''
  child.stderr?.on('data', (chunk) => {
    words = `${words}${chunk}`.slice(-2_000)
  })
  // A message to a process that is just ending.
  child.on('error', () => {})
  const ended = once(child, 'exit').then(([code, signal]) => signal ?? code)
  t.teardown(() => {
    child.kill('SIGKILL')
    return ended
  })
  return { child, ended, words: () => words.trim() }
}
