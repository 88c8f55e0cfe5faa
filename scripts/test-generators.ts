/**
 * Shows what client generators make of the contract: `npm run test:generators -- [clients] [--save]`. Each generates a client,
 * which is compiled and calls every operation of a real server, first as it is and then with tomorrow's data
 * (generators/tomorrow.ts). A cell that differs from the table of contracts/README.md fails; --save writes the table there.
 * The contract is linted as well. TEST_PART=<number> leaves out most of the generators that few people use. The last line has the numbers of what was checked.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { partOf } from '../test/helpers/part.js'
import { createCountedChecks } from './counted-checks.js'
import { breakages } from './generators/breakages.js'
import { readDocument } from './generators/client-folder.js'
import { type Generator, generators } from './generators/generators.js'
import { lintContract } from './generators/lint.js'
import { type Contract, countOperations } from './generators/proxy.js'
import { startWorld } from './generators/server.js'
import { readExpected, saveTable, tableText } from './generators/table.js'
import { columns, type Row, type Surroundings, tryGenerator } from './generators/try-generator.js'
import { installPackages } from './install-packages.js'
import { interrupted } from './interrupted.js'

const signal = interrupted()
const start = performance.now()
const progress = (text: string): void =>
  console.log(`${((performance.now() - start) / 1000).toFixed(0).padStart(4)} s  ${text}`)

const { check, run } = createCountedChecks(signal)

/** Two at a time: much of what a generator does is a single thread's work. */
const inPairs = async <T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> => {
  const queue = [...items]
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item; item = queue.shift()) await work(item)
  }
  await Promise.all([worker(), worker()])
}

const tryAll = async (chosen: Generator[], surroundings: Surroundings): Promise<Map<string, Row>> => {
  const rows = new Map<string, Row>()
  await inPairs(chosen, async (generator) => {
    rows.set(generator.name, await tryGenerator(generator, surroundings))
    progress(generator.name)
  })
  return new Map(chosen.map(({ name }) => [name, rows.get(name) as Row]))
}

/** Those that are named; else all, or a part of them. */
const choose = (names: string[]): Generator[] => {
  const found = generators.filter(({ client }) => names.some((name) => client.startsWith(name)))
  if (names.length > 0 && found.length === 0) throw new Error(`There is no generator ${names.join(', ')}.`)
  if (names.length > 0) return found
  const muchUsed = generators.filter(({ isMuchUsed }) => isMuchUsed)
  const others = generators.filter(({ isMuchUsed }) => !isMuchUsed)
  const chosen = new Set([...muchUsed, ...partOf([others])])
  return generators.filter((generator) => chosen.has(generator))
}

/** A contract that cannot grow has to be seen, or the table would show nothing. */
const checkBreakages = (chosen: Generator[], surroundings: Surroundings): Promise<void> =>
  inPairs(breakages, async ({ name, client, close }) => {
    const [generator] = chosen.filter((generator) => generator.client === client)
    if (!generator) return
    const { cells, reasons } = await tryGenerator(generator, {
      ...surroundings,
      isCompiled: false,
      folder: join(surroundings.folder, name.replaceAll(' ', '-')),
      document: close(surroundings.document),
    })
    const count = countOperations(surroundings.contract)
    const isSeen = cells.operations === `${count}/${count}` && cells["takes tomorrow's data"] === 'no'
    check(isSeen, `${name} is not seen: ${reasons.join('; ')}`)
    progress(`${name} is ${isSeen ? '' : 'not '}seen`)
  })

const checkAll = async (folder: string): Promise<void> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { save: { type: 'boolean', default: false } },
  })
  const chosen = choose(positionals)
  const modules = await installPackages('generators', signal, progress)
  for (const { name, findings } of await lintContract(folder, modules, signal)) {
    check(findings === '', `${name}:\n${findings}`)
    progress(name)
  }
  const world = await startWorld(folder, signal)
  try {
    const document = await readDocument('generated/openapi.json')
    const contract = JSON.parse(document) as Contract
    const surroundings = { folder, modules, document, contract, url: world.url, signal }
    const rows = await tryAll(chosen, surroundings)
    await checkBreakages(chosen, surroundings)
    console.log(`\n${tableText(rows)}\n`)
    if (values.save) await saveTable(rows)
    const expected = await readExpected()
    for (const [name, { cells, reasons }] of rows) {
      for (const reason of reasons) console.log(`${name}: ${reason}`)
      for (const column of columns) {
        const wanted = expected.get(`${name}: ${column}`)
        check(
          cells[column] === wanted,
          `${name}: ${column}: ${cells[column]}, and contracts/README.md has ${wanted}`,
        )
      }
    }
  } finally {
    await world.stop()
  }
}

await run('generators', checkAll)
