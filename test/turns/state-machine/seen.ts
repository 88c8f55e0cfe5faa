import { AssertionError } from 'node:assert'
import type { Test } from 'tap'
import { isPooled } from '../../helpers/database.js'
import { partOf } from '../../helpers/part.js'
import { drawSeed } from '../../helpers/seed.js'
import { createEngine } from './engine.js'
import { type Mutation, mutate } from './mutate.js'
import type { agreement, Failure } from './properties.js'
import { limits } from './requests.js'

// What the properties see does not depend on the server.
const skip = isPooled || process.env.COLLOQUY_TEST_POSTGRES ? 'seen on the embedded PostgreSQL' : false

const runs = 300
/** What is broken may break a constraint of the tables first; then other walks are tried. */
const tries = 3
/** A walk is this process's work as much as PostgreSQL's, which has a process for each engine. */
const engines = 3

/**
 * That a property of state-machine.test.ts sees each of these, and nothing else: all are tried on a few engines, where the
 * property holds once the last is put back. `TEST_SEED=<seed>` draws the same again.
 */
export const seesEach = (t: Test, property: typeof agreement, groups: Mutation[][]): Promise<unknown> =>
  t.test('each mutation is seen', { skip }, async (t) => {
    const seed = drawSeed(t)
    const left = partOf(groups)
    const all = groups.flat()
    t.comment(`${left.length} of ${all.length} mutations`)
    const { root } = await createEngine(t, { ...limits, max: 1 })
    // Those that are not planted now still have to fit the code.
    for (const mutation of all) await (await mutate(root, mutation))()
    const work = async (): Promise<void> => {
      const engine = await createEngine(t, { ...limits, max: 20 })
      for (let mutation = left.shift(); mutation; mutation = left.shift()) {
        const restore = await mutate(engine.root, mutation)
        let failure: Failure | undefined
        for (let n = 0; n < tries && !(failure?.cause instanceof AssertionError); n += 1)
          failure = await property(engine, { numRuns: runs, seed: seed + n, endOnFailure: true })
        await restore()
        const seen = `not that ${mutation.breaks}: the calls show it in run ${failure?.runs}, and do not break down`
        t.type(failure?.cause, AssertionError, seen)
      }
      t.equal(
        (await property(engine, { numRuns: 20, seed }))?.story,
        undefined,
        'and nothing when all is well',
      )
    }
    await Promise.all(Array.from({ length: engines }, work))
  })
