import fc from 'fast-check'
import { bursts } from './bursts.js'
import { commands } from './commands.js'
import type { Engine } from './engine.js'
import { createModel, startOfTime } from './model.js'
import { limits } from './requests.js'
import { runBursts } from './run-bursts.js'
import type { Actors } from './step.js'

/** What a property is tried with: how often, and from which seed; a random one unless told. */
export interface Trial {
  numRuns: number
  seed?: number
  /** takes the first story that fails, and looks for no shorter one */
  endOnFailure?: boolean
}

/** How it failed, with the shortest story that does; undefined when it held. */
export interface Failure {
  seed: number
  /** how many runs it took to see it */
  runs: number
  story: string
  cause: unknown
}

type Result = Pick<fc.RunDetails<unknown>, 'failed' | 'seed' | 'errorInstance' | 'numRuns'>

const failureOf = ({ failed, seed, errorInstance, numRuns }: Result): Failure | undefined => {
  if (!failed) return undefined
  const { message, cause } = errorInstance as Error
  return { seed, runs: numRuns, story: message, cause }
}

/** Whatever calls come, one after the other: the engine answers and stores what the model says. */
export const agreement = async (engine: Engine, trial: Trial): Promise<Failure | undefined> => {
  const property = fc.asyncProperty(commands, async (steps) => {
    await engine.clear()
    await engine.setClock(startOfTime)
    const setUp = () => {
      const model: Actors = { model: createModel(limits), begins: [], attempts: [], ends: [] }
      return { model, real: { engine, story: [] } }
    }
    await fc.asyncModelRun(setUp, steps)
  })
  return failureOf(await fc.check(property, trial))
}

/** Whatever calls come at once: their answers do not contradict each other, and what is stored is sound. */
export const soundness = async (engine: Engine, trial: Trial): Promise<Failure | undefined> => {
  const property = fc.asyncProperty(bursts, async (list) => {
    await engine.clear()
    await runBursts(engine, list)
  })
  return failureOf(await fc.check(property, trial))
}
