/** The conformance checks, tried on servers that have one fault each: a proxy in front of a real one. */
import t from 'tap'
import { allChecks } from '../../src/conformance/checks.js'
import { readContract } from '../../src/conformance/contract.js'
import { type Result, runChecks } from '../../src/conformance/run.js'
import { createScope } from '../helpers/scope.js'
import { drawSeed, runs } from '../helpers/seed.js'
import { muchUsedServer, newerServer } from './faults/newer.js'
import type { PlantedFault, Site } from './faults/planted.js'
import { plantedFaults } from './faults.js'
import { faultyServer } from './proxy.js'
import { newPair, startSite } from './site.js'

const seed = drawSeed(t)
const contract = await readContract()
const checks = allChecks(contract)

const judge = async ({ a, b }: Site, url: string, ids: string[], runs: number): Promise<Result[]> => {
  const signal = AbortSignal.timeout(300_000)
  const settings = { contract, url, a, b, seed, runs, timeoutMs: 20_000, mayErase: true, signal }
  const chosen = checks.filter(({ id }) => ids.includes(id))
  return (await runChecks(settings, chosen)).results
}

const failed = (results: Result[]): string[] =>
  results.filter(({ outcome }) => outcome === 'failed').map(({ id, message }) => `${id}: ${message}`)

/** The checks that had to see the fault, and did not. */
const blindChecks = async (
  site: Site & { url: string },
  { seenBy, make, runs = 8 }: PlantedFault,
): Promise<string[]> => {
  const scope = createScope()
  try {
    const url = await faultyServer(scope, site.url, make(site))
    const results = await judge(site, url, seenBy, runs)
    return seenBy.filter((id) => results.find((result) => result.id === id)?.outcome !== 'failed')
  } finally {
    await scope.end()
  }
}

/** How many faulty servers are tried at once, each with users of its own. */
const atOnce = 3

const laterChecks = checks
  .map(({ id }) => id)
  .filter((id) => /^(answer|conversation|stream|paging|other-row|models)\b/.test(id))

t.test('the conformance checks', async (t) => {
  const site = await startSite(t)

  // `ours.test.ts` has all checks, without a proxy.
  await t.test('find nothing wrong with our server behind the proxy', async (t) => {
    const ids = [...new Set(plantedFaults.flatMap(({ seenBy }) => seenBy))]
    const results = await judge(site, await faultyServer(t, site.url), ids, runs(1))
    t.same(failed(results), [], 'no check fails')
    const unseen = results.filter(({ outcome }) => outcome === 'not seen')
    t.same(
      unseen.map(({ id, message }) => `${id}: ${message}`),
      [],
      'and each has something to see',
    )
    t.equal(results.length, ids.length, `${ids.length} checks, which have to see the faults below`)
  })

  await t.test('find nothing wrong with a later version of it', async (t) => {
    const results = await judge(site, await faultyServer(t, site.url, newerServer), laterChecks, runs(1))
    t.same(failed(results), [], 'what the contract lets a server add is no fault')
  })

  await t.test('find nothing wrong with a user of many models', async (t) => {
    const url = await faultyServer(t, site.url, muchUsedServer)
    t.same(failed(await judge(site, url, ['paging.usage'], 1)), [], 'a long list is no circle')
  })

  await t.test('find every planted fault', async (t) => {
    t.ok(plantedFaults.length >= 40, `${plantedFaults.length} faults`)
    const names = plantedFaults.map(({ name }) => name)
    t.equal(new Set(names).size, names.length, 'each has a name of its own')
    const left = [...plantedFaults]
    const work = async (number: number) => {
      const own = { ...site, ...newPair(number) }
      for (let fault = left.shift(); fault; fault = left.shift())
        t.same(await blindChecks(own, fault), [], fault.name)
    }
    await Promise.all(Array.from({ length: atOnce }, (_, at) => work(at + 1)))
  })

  await t.test('and this test would see a fault that they do not find', async (t) => {
    const harmless = { name: 'none', seenBy: ['answer.getTurn'], make: () => ({}) }
    t.same(await blindChecks(site, harmless), ['answer.getTurn'], 'a server without a fault')
    const unknown = { name: 'none', seenBy: ['no-such-check'], make: () => ({}) }
    t.same(await blindChecks(site, unknown), ['no-such-check'], 'a check that does not exist')
  })
})
