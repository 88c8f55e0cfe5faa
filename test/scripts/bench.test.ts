import t from 'tap'
import { latencyOf } from '../../scripts/bench/load.js'
import { reportText } from '../../scripts/bench/print.js'

t.test('percentiles come in milliseconds, of microseconds in any order', async (t) => {
  const micros = Array.from({ length: 1_000 }, (_, n) => ((n * 7) % 1_000) + 1)
  const { p50, p99 } = latencyOf(micros)
  t.ok(Math.abs(p50 - 0.5) < 0.01, `half are below ${p50}`)
  t.ok(Math.abs(p99 - 0.99) < 0.01, `all but a hundredth are below ${p99}`)
})

t.test('a report is Markdown that says which targets were missed', async (t) => {
  const text = reportText({
    tables: [
      {
        title: 'Turns',
        columns: ['how', 'turns/s'],
        rows: [
          ['fast', 12_345.6],
          ['slow', 0.0123],
          ['none', 3],
        ],
        notes: ['A note.'],
      },
    ],
    targets: [
      { what: 'speed', wanted: 'at least 1', measured: 0.5, isMet: false },
      { what: 'size', wanted: 'at most 9', measured: 5.5, isMet: true },
    ],
  })
  t.equal(
    text,
    `### Turns

| how  | turns/s |
| :--- | ------: |
| fast |  12,346 |
| slow |    0.01 |
| none |       3 |

A note.

| target | wanted     | measured | met |
| :----- | :--------- | -------: | :-- |
| speed  | at least 1 |     0.50 | NO  |
| size   | at most 9  |     5.50 | yes |`,
    'the numbers are rounded, the columns aligned, and the missed target marked',
  )
})
