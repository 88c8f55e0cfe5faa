import { accessFaults } from './faults/access.js'
import { answerFaults } from './faults/answers.js'
import { assistantFaults } from './faults/assistants.js'
import { behaviourFaults } from './faults/behaviour.js'
import { branchFaults } from './faults/branches.js'
import { dataFaults } from './faults/data.js'
import { limitFaults } from './faults/limits.js'
import { listFaults } from './faults/lists.js'
import { parameterFaults } from './faults/parameters.js'
import type { PlantedFault } from './faults/planted.js'
import { requestFaults } from './faults/requests.js'
import { runningFaults } from './faults/running.js'
import { searchFaults } from './faults/search.js'
import { streamFaults } from './faults/streams.js'
import { updateFaults } from './faults/updates.js'

/** What may be wrong with a server, one thing at a time. */
export const plantedFaults: PlantedFault[] = [
  ...accessFaults,
  ...answerFaults,
  ...requestFaults,
  ...parameterFaults,
  ...behaviourFaults,
  ...limitFaults,
  ...branchFaults,
  ...assistantFaults,
  ...listFaults,
  ...searchFaults,
  ...streamFaults,
  ...updateFaults,
  ...runningFaults,
  ...dataFaults,
]
