import type { Test } from 'tap'
import { tokenOf } from '../helpers/app.js'
import type { Site } from './faults/planted.js'
import { servedWithSlowModel } from './served.js'

/** A server of ours as it is deployed, a model that is as slow as a real one where it has to be, and two users. */
export const startSite = async (t: Test): Promise<Site & { url: string }> => {
  const url = await servedWithSlowModel(t)
  const person = (id: string) => ({ id, token: tokenOf(id) })
  return { url, a: person('alice'), b: person('bob') }
}
