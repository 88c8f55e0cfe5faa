import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import { createProgress } from '../../src/commands/progress.js'

/** A terminal, and what was written to it. */
const terminal = () => {
  const writes: string[] = []
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80 })
  output.on('data', (chunk) => writes.push(stripVTControlCharacters(String(chunk))))
  return { output, writes }
}

t.test('news is shown with the next frame, however much there is', async (t) => {
  const { output, writes } = terminal()
  const progress = createProgress(output)
  progress.begin('exporting')
  for (let lines = 1; lines <= 10_000; lines += 1) progress.update(`${lines} lines`)
  progress.done()
  t.ok(writes.length < 10, `${writes.length} writes`)
  t.match(writes.at(-1), '10000 lines', 'the last news stays')
})

t.test('once stopped it shows nothing, so that others write lines of their own', async (t) => {
  const { output, writes } = terminal()
  const progress = createProgress(output)
  progress.begin('starting')
  progress.stop()
  const { length } = writes
  t.equal(writes.at(-1), '\r', 'its line is gone')
  progress.begin('migrating')
  progress.update('migrating more')
  progress.done()
  progress.fail()
  t.equal(writes.length, length, 'what begins after that is not shown')
})
