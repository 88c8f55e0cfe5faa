import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import t from 'tap'
import { Failure } from '../../src/conformance/check.js'
import { type Operation, readContract } from '../../src/conformance/contract.js'
import { mayBeRefused } from '../../src/conformance/generated/beyond-schema.js'
import { brokenRequests } from '../../src/conformance/generated/broken-request.js'
import { generatedChecks } from '../../src/conformance/generated/checks.js'
import { forAll } from '../../src/conformance/generated/property.js'
import { hintsFor, knownIds, validDraft } from '../../src/conformance/generated/request.js'
import { schemasOf } from '../../src/conformance/generated/schema.js'
import { packageRoot } from '../../src/root.js'
import { drawSeed } from '../helpers/seed.js'

const document = JSON.parse(await readFile(new URL('generated/openapi.json', packageRoot), 'utf8'))
const contract = await readContract()
const schemas = schemasOf(contract)
const seed = drawSeed(t)
const draw = <T>(values: fc.Arbitrary<T>, count = 60): T[] => fc.sample(values, { seed, numRuns: count })

const operations = contract.operations
const hints = hintsFor(knownIds, ['echo'])
const requestsOf = (operation: Operation) => {
  const valid = validDraft(schemas, operation, { ids: knownIds, hints })
  return { valid, broken: brokenRequests(schemas, operation, valid, hints) }
}

t.test('requests are made of all operations, and each parameter and body has its rules', async (t) => {
  for (const operation of operations) {
    const { valid, broken } = requestsOf(operation)
    const places = new Set(broken.map(({ at }) => at.split('/').slice(0, 3).join('/')))
    for (const { name, in: part } of operation.parameters) {
      if (name === 'user_id') continue
      const place = `/${part === 'header' ? 'headers' : part}/${name}`
      t.ok(places.has(place), `${operation.id}: ${place} is broken`)
    }
    t.equal(
      places.has('/body'),
      operation.body !== undefined,
      `${operation.id}: a body is broken where there is one`,
    )
    for (const { draft } of [{ draft: valid }, ...broken])
      t.equal(draw(draft, 3).length, 3, `${operation.id}: there are cases`)
  }
})

t.test('what no schema says is in the contract word by word', async (t) => {
  const plain = (text: string) => text.replace(/\s+/g, ' ')
  const text = plain(JSON.stringify(document).replaceAll('\\n', ' ').replaceAll('\\"', '"'))
  const sentences = [
    ...operations.flatMap((operation) =>
      requestsOf(operation).broken.flatMap(({ sentence = [] }) => sentence),
    ),
    ...mayBeRefused.map(({ sentence }) => sentence),
  ]
  for (const sentence of new Set(sentences)) t.ok(text.includes(plain(sentence)), sentence)
})

t.test('the same seed gives the same cases', async (t) => {
  const operation = contract.operation('createTurn')
  const cases = () => JSON.stringify(draw(requestsOf(operation).valid))
  t.equal(cases(), cases(), 'of valid requests')
  const other = fc.sample(requestsOf(operation).valid, { seed: seed + 1, numRuns: 60 })
  t.not(cases(), JSON.stringify(other), 'and another seed gives others')
})

t.test('ids of checks are unique', async (t) => {
  const ids = generatedChecks(contract).map(({ id }) => id)
  t.equal(new Set(ids).size, ids.length, `${ids.length} checks`)
})

t.test('a failing case is made smaller', async (t) => {
  const run = { seed, signal: AbortSignal.timeout(30_000) }
  let tried = 0
  const limit = async (value: string) => {
    tried += 1
    if (value.length >= 3) throw new Failure(`${value.length} characters.`, 'a limit')
  }
  const error: Error = await forAll(
    run,
    fc.string({ minLength: 0, maxLength: 50 }),
    { runs: 100, shrinks: 200 },
    limit,
  ).then(
    () => t.fail('it is found'),
    (error) => error,
  )
  t.match(
    error.message,
    new RegExp(`^3 characters\\. Found with seed ${seed} in case \\d+`),
    'to the smallest that fails',
  )
  tried = 0
  await t.rejects(
    forAll(run, fc.string({ minLength: 30 }), { runs: 100, shrinks: 4 }, limit),
    'a bound on the search',
  )
  t.ok(tried <= 5, `no more requests than allowed: ${tried}`)
})
