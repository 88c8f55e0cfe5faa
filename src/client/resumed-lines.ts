import type { Connection } from './call.js'
import { readText } from './event-stream.js'
import { ColloquyError, connectionLost } from './problem.js'
import { createRetryPolicy } from './retry-policy.js'

/** A line of an export. */
export interface Line {
  type: string
  cursor?: string
}

interface ResumedLinesOptions {
  /** Opens a connection whose lines come after that of the cursor. */
  connect: (cursor: string | undefined) => Promise<Connection>
  cursor: string | undefined
  retries: number
  silenceMs: number
  signal: AbortSignal | undefined
}

const parseLine = (text: string): Line => {
  try {
    return JSON.parse(text) as Line
  } catch (cause) {
    throw new ColloquyError('The response contains a line that is not valid JSON.', {
      code: 'unexpected-answer',
      cause,
    })
  }
}

/** The whole lines of a connection; what is cut off is left out. */
async function* readLines(texts: AsyncIterable<string>): AsyncGenerator<Line> {
  let rest = ''
  for await (const text of texts) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield parseLine(line)
  }
}

/** Reads lines up to the last one, over as many connections as needed: each goes on after the last whole line. */
export async function* readResumedLines(options: ResumedLinesOptions): AsyncGenerator<Line, void> {
  const { signal, silenceMs } = options
  const policy = createRetryPolicy({ retries: options.retries })
  let { cursor } = options
  for (let isFirst = true; ; ) {
    try {
      const connection = await options.connect(cursor)
      policy.connected()
      for await (const line of readLines(readText(connection, silenceMs, signal))) {
        if (line.cursor !== undefined && line.cursor !== cursor) policy.progressed()
        cursor = line.cursor ?? cursor
        // Each connection begins with one of these.
        if (line.type !== 'export' || isFirst) yield line
        isFirst = false
        if (line.type === 'end') return
      }
      throw connectionLost('The connection was lost.')
    } catch (error) {
      signal?.throwIfAborted()
      await policy.waitOrThrow(error, signal)
    }
  }
}
