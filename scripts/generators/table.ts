import { readFile, writeFile } from 'node:fs/promises'
import { markdownTable } from 'markdown-table'
import { packageRoot } from '../../src/root.js'
import { columns, type Row } from './try-generator.js'

const guide = new URL('contracts/README.md', packageRoot)
const place = /\| generator \| generates \|[\s\S]*?\n\n/

export const tableText = (rows: ReadonlyMap<string, Row>): string =>
  markdownTable(
    [
      ['generator', ...columns],
      ...[...rows].map(([name, { cells }]) => [name, ...columns.map((column) => cells[column])]),
    ],
    { alignDelimiters: false },
  )

/** The guide's table, which is what is expected: by generator and column. */
export const readExpected = async (): Promise<Map<string, string>> => {
  const [text = ''] = place.exec(await readFile(guide, 'utf8')) ?? []
  const [, , ...lines] = text.trim().split('\n')
  return new Map(
    lines.flatMap((line) => {
      const [name = '', ...cells] = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim())
      return columns.map((column, n) => [`${name}: ${column}`, cells[n] ?? ''] as const)
    }),
  )
}

export const saveTable = async (rows: ReadonlyMap<string, Row>): Promise<void> => {
  const text = await readFile(guide, 'utf8')
  await writeFile(guide, text.replace(place, `${tableText(rows)}\n\n`))
}
