import type { components } from '../../generated/contract.js'
import type { Database } from '../db/database.js'
import type { TurnEngine } from '../turns/engine.js'

/** What handlers are made from. */
export interface Deps {
  db: Database
  turns: TurnEngine
  /** Resolves when this instance may take requests; rejects with a Problem that says why not. */
  checkReady: () => Promise<void>
  /** what tool servers verify our tokens with */
  toolKeys: components['schemas']['ToolKey'][]
}
