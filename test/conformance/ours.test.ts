import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { tokenOf } from '../helpers/app.js'
import { testFolder } from '../helpers/cluster.js'
import { contractOperations } from '../helpers/contract.js'
import { drawSeed, runs } from '../helpers/seed.js'
import { runColloquy } from '../helpers/server.js'
import { servedWithSlowModel, tokens } from './served.js'

/** What no request can provoke on a server that is well, or that its settings keep from coming. */
const notProvoked = new Set(['202', '408', '429', '500', '502', '503', '504'])

interface Report {
  contract_version: string
  seed: number
  counts: Record<string, number>
  checks: { id: string; operation?: string; outcome: string; message?: string }[]
  statuses: { operation: string; status: number; seen: number; reason?: string }[]
}

const listed = async (url: string, user: string): Promise<unknown[]> => {
  const all = await Promise.all(
    ['false', 'true'].map(async (archived) => {
      const response = await fetch(`${url}/api/${user}/conversations?limit=100&archived=${archived}`, {
        headers: { authorization: `Bearer ${tokenOf(user)}` },
      })
      return ((await response.json()) as { data: unknown[] }).data
    }),
  )
  return all.flat()
}

t.test('our server passes every check, and the reports say so', async (t) => {
  const url = await servedWithSlowModel(t)
  const folder = await testFolder(t)
  const seed = drawSeed(t)
  const [json, junit] = [join(folder, 'report.json'), join(folder, 'report.xml')]
  const args = [
    'conformance',
    '--url',
    `${url}/`,
    '--json',
    json,
    '--junit',
    junit,
    '--seed',
    String(seed),
    '--runs',
    String(runs(2)),
    '--erase',
  ]
  const { code, stdout, stderr } = await runColloquy(args, { env: tokens(), limitMs: 240_000 })
  t.equal(code, 0, `it exits with 0:\n${stdout}${stderr}`)
  t.match(stderr, /^\d+ of \d+ checks$/m, 'the progress is told on stderr')
  t.match(stdout, /^createTurn +\d+ +0 +\d+ +\d+\/\d+$/m, 'each operation has a line')

  const report: Report = JSON.parse(await readFile(json, 'utf8'))
  const others = report.checks.filter(({ outcome }) => outcome !== 'passed')
  t.same(others, [], 'every check has passed: each was seen')
  t.ok(report.checks.length >= 500, `${report.checks.length} checks are at least 500`)
  t.equal(new Set(report.checks.map(({ id }) => id)).size, report.checks.length, 'each has an id of its own')
  t.equal(report.seed, seed, 'the seed is in the report')
  t.ok((report.counts.turns ?? 99) < 60 + 2 * runs(5) * 4, `${report.counts.turns} turns cost little`)
  const total = `${report.counts.checks} checks: ${report.counts.passed} passed, 0 failed, 0 not seen; `
  t.ok(stdout.includes(total), `the summary counts them: ${total}`)

  for (const { operationId, responses } of contractOperations) {
    t.ok(
      report.checks.some(({ operation }) => operation === operationId),
      `${operationId} has checks`,
    )
    for (const status of Object.keys(responses)) {
      const row = report.statuses.find(
        (row) => row.operation === operationId && row.status === Number(status),
      )
      const name = `${operationId} ${status}`
      if (notProvoked.has(status)) t.ok(row?.seen || row?.reason, `${name} was seen, or it is said why not`)
      else t.ok(row?.seen, `${name} was seen`)
    }
  }
  t.same([await listed(url, 'alice'), await listed(url, 'bob')], [[], []], 'no conversation is left behind')
  const texts = [stdout, stderr, await readFile(json, 'utf8'), await readFile(junit, 'utf8')].join('\n')
  for (const token of Object.values(tokens())) t.notOk(texts.includes(token), 'no report has a token')
})
