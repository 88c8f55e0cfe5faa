import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { packageRoot } from '../../src/root.js'

/** On a machine that does other things, too. `npm run simulate -- --measure` on a quiet one says how near it comes. */
const factor = 2.5

t.test('what is predicted of 1, 2 and 4 instances is near what they hold', async (t) => {
  const cwd = fileURLToPath(packageRoot)
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', 'scripts/simulate.ts', '--measure', '--seconds', '1', '--clients', '50'],
    { cwd, timeout: 120_000 },
  )
  const rows = stdout
    .split('\n')
    .filter((line) => /^\|\s+\d/.test(line))
    .map((line) => line.split('|').map((cell) => Number(cell)))
  t.same(
    rows.map(([, instances]) => instances),
    [1, 2, 4],
    'each number of instances has a row',
  )
  for (const [, instances, predicted = 0, measured = 0] of rows) {
    t.ok(measured > 0, `${instances} instances answer ${measured} turns a second`)
    const off = predicted / measured
    t.ok(off < factor && off > 1 / factor, `of which ${predicted} were predicted`)
  }
})
