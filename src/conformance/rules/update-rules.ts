import type { WireResponse } from '../client.js'
import type { Contract } from '../contract.js'
import type { Fault } from './fault.js'
import { createFrameJudge, parseEvent } from './frame-rules.js'

/** Judges streams of updates: each frame, and how they begin. */
export const createUpdateJudge = (contract: Contract) => {
  const frameFaults = createFrameJudge(contract, {
    known: 'KnownUpdateEvent',
    later: 'LaterUpdateEvent',
    id: 'UpdateId',
    all: 'UpdateEvent',
  })
  return ({ frames }: WireResponse): Fault[] => {
    const first = parseEvent(frames[0]?.data ?? '')?.type ?? 'nothing'
    const beginning =
      first === 'ready' || first === 'reset' ? [] : [`it begins with ${first}, not with ready or reset`]
    const done = frames.some(({ data }) => data === '[DONE]')
      ? ['[DONE], which ends the stream of a turn']
      : []
    return [
      ...frames.flatMap(frameFaults),
      ...[...beginning, ...done].map((message) => ({
        message: `the stream: ${message}`,
        promise: 'UpdateEvent',
      })),
    ]
  }
}
