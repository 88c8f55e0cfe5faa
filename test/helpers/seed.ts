import type { Test } from 'tap'

const times = Number(process.env.TEST_RUNS ?? 1)

/** How often a test that draws at random does so: `few` times, since others are drawn another time; `TEST_RUNS=10` makes it ten times as many. */
export const runs = (few: number): number => Math.ceil(few * times)

/** The seed of a test that draws at random. It is printed, and `TEST_SEED=<seed>` draws the same again. */
export const drawSeed = (t: Test): number => {
  const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 1_000_000))
  t.comment(`TEST_SEED=${seed} draws the same again`)
  return seed
}
