import type { Fault } from '../proxy.js'

export interface Person {
  id: string
  token: string
}

export interface Site {
  a: Person
  b: Person
}

export interface PlantedFault {
  /** what the server does wrong */
  name: string
  /** the ids of the checks that have to see it */
  seenBy: string[]
  /** how many generated requests an operation gets, where few might miss it */
  runs?: number
  make: (site: Site) => Fault
}
