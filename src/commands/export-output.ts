import { createWriteStream } from 'node:fs'
import { open, realpath, rename, rm, stat } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { StartupError } from './startup-error.js'

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
  // Two exports to one file, whose last one is kept, write to different ones.
  const unfinished = `${file}.${process.pid}.unfinished`
  const handle = await open(unfinished, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
    throw new StartupError(
      `${unfinished} is left of an export that was killed, or of one that runs: remove it.`,
    )
  })
  return {
    stream: handle.createWriteStream(),
    end: true,
    keep: () => rename(unfinished, file),
    undo: () => rm(unfinished, { force: true }),
  }
}

/** Opens standard output, a file, or what is there and is no regular file: a device or a pipe is written to as it is. */
export const openExportOutput = async (file: string | undefined): Promise<ExportOutput> => {
  if (file === undefined) return { stream: process.stdout, end: false, keep: nothing, undo: nothing }
  const found = await stat(file).catch(() => undefined)
  if (found && !found.isFile())
    return { stream: createWriteStream(file), end: true, keep: nothing, undo: nothing }
  // A link to a file stays one.
  return openFile(found ? await realpath(file) : file)
}
