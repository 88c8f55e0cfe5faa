import type { Frame } from '../client.js'
import type { Contract, JsonSchema } from '../contract.js'
import type { Fault } from './fault.js'

interface Schemas {
  /** of the events of today, told apart by their type */
  known: string
  /** of those of later versions */
  later: string
  /** of a frame's id */
  id: string
  /** of all events */
  all: string
}

/** The schema of each event of today, by its type. Another type has to be one that the contract reserves for later. */
const readEventSchemas = (contract: Contract, known: string): Map<string, JsonSchema> => {
  const { oneOf } = contract.schema(known) as { oneOf: JsonSchema[] }
  return new Map(
    oneOf.map((reference) => {
      const { properties } = contract.resolve(reference) as { properties: { type: { enum: [string] } } }
      return [properties.type.enum[0], reference]
    }),
  )
}

export const parseEvent = <E extends { type: string }>(data: string): E | undefined => {
  try {
    const value = JSON.parse(data)
    return typeof value?.type === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

/** Judges each frame by itself; `[DONE]` by its id. */
export const createFrameJudge = (contract: Contract, { known, later, id: idName, all }: Schemas) => {
  const schemas = readEventSchemas(contract, known)
  const [laterSchema, idSchema] = [contract.schema(later), contract.schema(idName)]
  return ({ id, data }: Frame): Fault[] => {
    const identity = contract
      .faults(idSchema, id)
      .map((message) => ({ message: `the frame's id ${id ?? ''} ${message}`, promise: idName }))
    if (data === '[DONE]') return identity
    const event = parseEvent(data)
    if (!event) return [...identity, { message: `not an event: ${data.slice(0, 200)}`, promise: all }]
    const faults = contract.faults(schemas.get(event.type) ?? laterSchema, event)
    return [
      ...identity,
      ...faults.map((message) => ({
        message: `the event ${event.type}: ${message}`,
        promise: `${all}, ${event.type}`,
      })),
    ]
  }
}
