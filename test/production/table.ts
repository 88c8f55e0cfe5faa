import { readFile } from 'node:fs/promises'
import { packageRoot } from '../../src/root.js'
import { type Kind, kinds } from './observe.js'

export interface Row {
  answers: Record<Kind, string>
  /** what a line of the log contains; nothing when all is well */
  log: string | undefined
  /** how long after the weather everything works again, at most */
  backWithinMs: number
}

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())

/** The table of the operator's guide, by the weather. */
export const readTable = async (): Promise<Map<string, Row>> => {
  const guide = await readFile(new URL('src/db/README.md', packageRoot), 'utf8')
  const lines = guide.split('\n').filter((line) => line.startsWith('|'))
  const [head = '', , ...rows] = lines.slice(lines.findIndex((line) => line.startsWith('| weather ')))
  const columns = cellsOf(head)
  return new Map(
    rows
      .map(cellsOf)
      .filter((cells) => cells.length === columns.length)
      .map((cells) => {
        const cell = (column: string) => cells[columns.indexOf(column)] ?? ''
        const log = /`(.+)`/.exec(cell('log line'))?.[1]
        return [
          cell('weather'),
          {
            answers: Object.fromEntries(kinds.map((kind) => [kind, cell(kind)])) as Record<Kind, string>,
            log,
            backWithinMs: Number.parseInt(cell('back within'), 10) * 1_000,
          },
        ]
      }),
  )
}
