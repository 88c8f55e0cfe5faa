import { randomUUID } from 'node:crypto'
import { constants, createWriteStream, openSync } from 'node:fs'
import { open, realpath, rename, rm, stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'

/** Where an export is written to. */
export interface ExportOutput {
  stream: Writable
  /** whether the stream is to be ended */
  end: boolean
  /** Puts what was written in its place. */
  keep(): Promise<void>
  /** Removes what was written, if it is not in its place yet. */
  undo(): Promise<void>
}

const nothing = async (): Promise<void> => {}

/** Opens a file that is in its place when it is whole; until then one that was there before is as it was. */
const openFile = async (file: string): Promise<ExportOutput> => {
  // Two exports to one file, whose last one is kept, write to different ones; processes in containers share their pids.
  const unfinished = `${file}.${randomUUID()}.unfinished`
  const handle = await open(unfinished, 'wx', 0o600)
  return {
    stream: handle.createWriteStream(),
    end: true,
    keep: () => rename(unfinished, file),
    undo: () => rm(unfinished, { force: true }),
  }
}

/**
 * Opens a pipe once somebody reads it. What waits in open(2) or write(2), as a file's stream does, would keep a signal from ending the
 * process.
 */
const openPipe = async (path: string, signal: AbortSignal): Promise<Writable> => {
  for (;;) {
    try {
      const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
      return new Socket({ fd, readable: false, writable: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error
      await setTimeout(100, undefined, { signal })
    }
  }
}

/** Opens standard output, a file, or what is there and is no regular file: a device or a pipe is written to as it is. */
export const openExportOutput = async (
  file: string | undefined,
  signal: AbortSignal,
): Promise<ExportOutput> => {
  const asItIs = { keep: nothing, undo: nothing }
  if (file === undefined) return { stream: process.stdout, end: false, ...asItIs }
  const found = await stat(file).catch(() => undefined)
  if (found?.isFIFO()) return { stream: await openPipe(file, signal), end: true, ...asItIs }
  if (found && !found.isFile()) return { stream: createWriteStream(file), end: true, ...asItIs }
  // A link to a file stays one.
  return openFile(found ? await realpath(file) : file)
}
