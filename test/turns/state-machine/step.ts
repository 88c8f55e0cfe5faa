import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import type { EndTurn } from '../../../src/turns/store/end-turns.js'
import type { Engine } from './engine.js'
import type { Attempt, Model } from './model.js'
import { inWords, type Request, short } from './requests.js'

/** What users and instances remember of the calls that they made, and the model of what these did. */
export interface Actors {
  model: Model
  begins: Request[]
  attempts: Attempt[]
  ends: EndTurn[]
}

/** The engine, and what was asked of it so far, in words. */
export interface Real {
  engine: Engine
  story: string[]
}

/** One call of the engine: what the model says of it has to be what the engine answers. */
export interface Call {
  words: string
  predict(): unknown
  perform(engine: Engine): Promise<unknown>
}

export type Step = fc.AsyncCommand<Actors, Real, true>

/**
 * Makes steps of one kind. `plan` finds the call that a choice means now, if there is one, and changes nothing.
 * After each call everything that is stored has to be what the model has.
 */
export const steps = <Choice>(
  choices: fc.Arbitrary<Choice>,
  plan: (actors: Actors, choice: Choice) => Call | undefined,
): fc.Arbitrary<Step> =>
  choices.map((choice) => ({
    check: async (actors) => plan(actors, choice) !== undefined,
    async run(actors, { engine, story }) {
      const call = plan(actors, choice)
      if (!call) return
      story.push(short(call.words))
      try {
        const expected = call.predict()
        const answer = await call.perform(engine)
        story.push(`  ${inWords(answer)}`)
        deepStrictEqual(answer, expected, 'the answer is not the one that the model gives')
        deepStrictEqual(
          await engine.stored(),
          actors.model.stored(),
          'what is stored is not what the model has',
        )
      } catch (error) {
        throw new Error(`${story.join('\n')}\n${short(String(error))}`, { cause: error })
      }
    },
    toString: () => fc.stringify(choice),
  }))

/** One step after the other, as one; a part may be left out, and one that means nothing by then is passed over. */
export const scene = (...parts: fc.Arbitrary<Step>[]): fc.Arbitrary<Step> =>
  fc.tuple(...parts.map((part) => fc.option(part, { freq: 8 }))).map((list) => ({
    check: async () => true,
    async run(actors, real) {
      for (const step of list) if (step && (await step.check(actors))) await step.run(actors, real)
    },
    toString: () => list.join(', '),
  }))
