import type { Test } from 'tap'

/** The seed of a test that draws at random. It is printed, and `TEST_SEED=<seed>` draws the same again. */
export const drawSeed = (t: Test): number => {
  const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 1_000_000))
  t.comment(`TEST_SEED=${seed} draws the same again`)
  return seed
}
