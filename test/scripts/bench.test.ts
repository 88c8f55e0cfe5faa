import { readdir, readFile } from 'node:fs/promises'
import { Window } from 'happy-dom'
import t from 'tap'
import { drawResults } from '../../scripts/bench/charts.js'
import { latencyOf } from '../../scripts/bench/load.js'
import { reportText } from '../../scripts/bench/print.js'
import { timelinePicture } from '../../scripts/history-timeline.js'
import { lineChart } from '../../scripts/line-chart.js'
import { packageRoot } from '../../src/root.js'

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

const results = new URL('scripts/bench/results/', packageRoot)
const saved = (file: string): Promise<string> => readFile(new URL(file, results), 'utf8')

const parse = (picture: string) =>
  new new Window().DOMParser().parseFromString(picture, 'image/svg+xml').documentElement

t.test('the pictures of saved results are those of their tables', async (t) => {
  const files = await readdir(results)
  const drawn = new Set<string>()
  for (const file of files.filter((name) => name.endsWith('.md'))) {
    const text = await saved(file)
    const { markdown, pictures } = drawResults(text, file.replace('.md', ''))
    t.equal(markdown, text, `${file}: drawn again, it is the same`)
    for (const [name, picture] of Object.entries(pictures)) {
      t.equal(await saved(name), picture, `${name}: what npm run bench -- --draw ${file} gives`)
      drawn.add(name)
    }
  }
  t.same(files.filter((name) => name.endsWith('.svg')).sort(), [...drawn].sort(), 'and there are no others')
})

t.test('a line goes through its points, and only a table that has numbers is drawn', async (t) => {
  const series = [{ name: 'a <b> & "c"', points: [1, 10, 100].map((x) => ({ x, y: 2 * x })) }]
  const chart = parse(lineChart({ title: 'T', across: 'x', upwards: 'y', series }))
  const points = [...chart.querySelectorAll('circle')].slice(0, 3)
  const places = points.map((point) => [Number(point.getAttribute('cx')), Number(point.getAttribute('cy'))])
  t.ok(
    places.every(([x = 0, y = 0]) => x > 0 && x < 720 && y > 0 && y < 380),
    'within the picture',
  )
  const [first = [], second = [], third = []] = places
  const steps = [Number(second[0]) - Number(first[0]), Number(third[0]) - Number(second[0])]
  t.ok(Math.abs(Number(steps[0]) - Number(steps[1])) < 1, 'across, a power of ten is a step')
  t.ok(
    Number(first[1]) > Number(second[1]) && Number(second[1]) > Number(third[1]),
    'upwards, more is higher',
  )
  t.match(chart.textContent, 'a <b> & "c"', 'names are text')
  const text = '### Another table\n\n| a |\n| - |\n| 1 |\n'
  t.same(drawResults(text, 'x'), { markdown: text, pictures: {} }, 'others are left alone')
  const growth = (cells: string) =>
    drawResults(
      `### A read over HTTP\n\n| what | 10 | many | 1,000 | note |\n| - | - | - | - | - |\n${cells}\n`,
      'x',
    )
  const { 'x-growth-reads.svg': drawn = '' } = growth(
    '| list | 2 | - | 3 | - |\n| search | - | 4 | 5 | - |',
  ).pictures
  t.notMatch(drawn, /NaN|Infinity/, 'what is no number is no point')
  t.equal(parse(drawn).querySelectorAll('circle title').length, 2, 'the others are')
  t.same(growth('| list | - | - | - | - |').pictures, {}, 'without points there is no picture')
})

t.test('a timeline has each answer and each fault, where it was', async (t) => {
  const second = 1_000_000
  const picture = timelinePicture(
    {
      answers: [
        ...Array.from({ length: 30 }, (_, i) => ({ at: i * second, kind: 'completed' as const })),
        { at: 12 * second, kind: 'cut' },
      ],
      faults: [
        { fault: 'kill-instance', from: 10 * second, to: 15 * second },
        { fault: 'outage', from: 20 * second, to: 22 * second },
      ],
    },
    'A run',
  )
  const told = [...parse(picture).querySelectorAll('rect title')].map(({ textContent }) => textContent)
  const counted = told.map((text) => Number(/^(\d+) completed/.exec(text)?.[1] ?? 0))
  t.equal(
    counted.reduce((sum, count) => sum + count, 0),
    30,
    'the answers',
  )
  t.same(
    told.filter((text) => text.includes('cut')),
    ['1 cut, at 11.8 s'],
    'the request without one',
  )
  t.same(
    told.filter((text) => text.includes(': from')),
    ['kill-instance: from 10.0 s, for 5.0 s', 'outage: from 20.0 s, for 2.0 s'],
    'the faults',
  )
})
