import { assistants } from './mutations/assistants.js'
import { attempts } from './mutations/attempts.js'
import { batches } from './mutations/batches.js'
import { branches } from './mutations/branches.js'
import { budgets } from './mutations/budgets.js'
import { keys } from './mutations/keys.js'
import { limits } from './mutations/limits.js'
import { removal } from './mutations/removal.js'
import { ticks } from './mutations/ticks.js'
import { usage } from './mutations/usage.js'
import { windows } from './mutations/windows.js'
import { writers } from './mutations/writers.js'

/** Each is seen by calls that come one after the other, or in one batch. They are grouped by what they break. */
export const mutations = [
  keys,
  assistants,
  writers,
  batches,
  limits,
  budgets,
  attempts,
  ticks,
  branches,
  windows,
  usage,
  removal,
]
