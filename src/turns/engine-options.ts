import type { Database } from '../db/database.js'
import type { Metrics } from '../metrics/metrics.js'
import type { Model } from '../models/model.js'
import type { Prices } from '../models/prices.js'
import type { ToolRegistry } from '../tools/tool.js'
import type { Tracing } from '../tracing/tracing.js'
import type { Assistants } from './assistants.js'
import type { InstanceLimits, TotalBudget } from './limits.js'
import type { RetentionRule } from './retention-rule.js'
import type { TitleMaker, TurnLimits } from './types.js'

export interface TurnEngineOptions extends TurnLimits {
  db: Database
  /** the default model */
  model: Model
  /** the other models that a message may choose */
  otherModels?: readonly Model[]
  /** what the models cost; undefined: nothing is known of it */
  prices?: Prices | undefined
  /** how long an answer may be at most, in tokens, where a budget has to be kept */
  maxOutputTokens?: number | undefined
  systemPrompt: string | undefined
  assistants: Assistants
  /** the models' tools; undefined: none */
  tools?: ToolRegistry | undefined
  /** default: turns are not traced */
  tracing?: Tracing | undefined
  /** how new conversations get their titles; default: from their first message */
  titles?: TitleMaker | undefined
  /** whether what has fallen out of the history window is summed up; default: no */
  compact?: boolean | undefined
  /** how long conversations are kept; default: for ever */
  retention?: RetentionRule | undefined
  /** what all users together may spend; default: as much as they like */
  totalBudget?: TotalBudget | undefined
  /** what this instance takes on at once; default: no limit */
  instanceLimits?: InstanceLimits | undefined
  /** how long a stream may be silent */
  heartbeatMs: number
  log: { warn(fields: object, text: string): void }
  /** hears of what happens; default: nobody */
  metrics?: Metrics | undefined
}
