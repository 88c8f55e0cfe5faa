import type { components } from '../../generated/closed/contract.js'
import type { Database } from '../db/database.js'
import type { ReadsAfter } from '../db/reads.js'
import type { Caller } from '../http/handler.js'
import type { SearchIndexer } from '../search/indexer.js'
import type { Assistants } from '../turns/assistants.js'
import type { TurnEngine } from '../turns/engine.js'
import type { UserLimits } from '../turns/limits.js'
import type { RetentionRule } from '../turns/retention-rule.js'
import type { Updates } from '../updates/updates.js'

/** The handlers' dependencies. */
export interface Deps {
  db: Database
  /** where is read what may be a moment old, by the Consistency-Token of the request */
  readsAfter: ReadsAfter
  turns: TurnEngine
  /** what a user's turns are counted against; default: nothing */
  limitsOf?: ((user: Caller) => UserLimits) | undefined
  search: SearchIndexer
  updates: Updates
  /** by which tokens expire, in milliseconds since 1970 */
  now: () => number
  /** how long conversations are kept; default: for ever */
  retention?: RetentionRule | undefined
  /** the names of the models that a message may choose, the default first */
  models: string[]
  /** what costs are in; null when no prices are known */
  currency: string | null
  assistants: Assistants
  /** Resolves when this instance is ready; rejects with a Problem otherwise. */
  checkReady: () => Promise<void>
  /** the public keys with which tool servers verify our tokens */
  toolKeys: components['schemas']['ToolKey'][]
}
