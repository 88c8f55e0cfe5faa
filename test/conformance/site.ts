import type { Test } from 'tap'
import { tokenOf } from '../helpers/app.js'
import type { Site } from './faults/planted.js'
import { servedWithSlowModel } from './served.js'

/** Two users of their own, whom nobody else's requests disturb. */
export const newPair = (number: number): Site => {
  const person = (id: string) => ({ id, token: tokenOf(id) })
  return { a: person(`alice-${number}`), b: person(`bob-${number}`) }
}

/** A server of ours as it is deployed, whose model is as slow as a real one where it has to be, and two users. */
export const startSite = async (t: Test): Promise<Site & { url: string }> => ({
  url: await servedWithSlowModel(t),
  ...newPair(0),
})
