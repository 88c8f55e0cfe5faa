import { AssertionError } from 'node:assert'
import t from 'tap'
import { isPooled } from '../helpers/database.js'
import { createEngine } from './state-machine/engine.js'
import { type Mutation, mutate, mutations, races } from './state-machine/mutations.js'
import { agreement, soundness } from './state-machine/properties.js'
import { limits } from './state-machine/requests.js'

const skip =
  isPooled || process.env.COLLOQUY_TEST_POSTGRES ? 'what the test sees does not depend on the server' : false

t.setTimeout(1_800_000)

/** That the properties of state-machine.test.ts see what is broken, each time from the same seed. */
const sees = (property: typeof agreement, mutation: Mutation) =>
  t.test(`seen: not that ${mutation.breaks}`, { skip }, async (t) => {
    const engine = await createEngine(t, { ...limits, max: 6 })
    await mutate(engine.root, mutation)
    const failure = await property(engine, { numRuns: 1_000, seed: 1, endOnFailure: true })
    t.type(failure?.cause, AssertionError, 'the calls show it, and do not break down')
  })

for (const mutation of mutations) sees(agreement, mutation)
for (const mutation of races) sees(soundness, mutation)
