import t, { type Test } from 'tap'
import { drawSeed, runs } from '../helpers/seed.js'
import { createEngine } from './state-machine/engine.js'
import { agreement, type Failure, soundness, type Trial } from './state-machine/properties.js'
import { limits } from './state-machine/requests.js'

/**
 * The states of the engine, explored by calls in any order (https://fast-check.dev/docs/advanced/model-based-testing/).
 * A failure prints its seed and the shortest story that fails; `TEST_SEED=<seed> npm test -- <this file>` tells it again.
 */
// Many statements, and machines that are busy.
t.setTimeout(runs(300_000))
const trial = (t: Test): Trial => ({ numRuns: runs(40), seed: drawSeed(t) })

/** Equal to nothing when it holds in all runs; else the seed and the story are what is shown. */
const holds = (t: Test, failure: Failure | undefined) => {
  const found = failure && { TEST_SEED: failure.seed, story: failure.story.split('\n') }
  return t.strictSame(found, undefined, 'it holds in every run')
}

t.test('in whatever order calls come, the engine answers and stores what the model says', async (t) => {
  const engine = await createEngine(t, { ...limits, max: 1 })
  holds(t, await agreement(engine, trial(t)))
  t.equal(await engine.countDeadlocks(), 0, 'no deadlock')
})

t.test('calls that come at once leave nothing torn, doubled or lost', async (t) => {
  const engine = await createEngine(t, { ...limits, max: 20 })
  holds(t, await soundness(engine, trial(t)))
  t.equal(await engine.countDeadlocks(), 0, 'no deadlock')
})
