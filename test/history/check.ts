import { acknowledgements } from './check/acknowledgements.js'
import { bounds } from './check/bounds.js'
import { logs } from './check/logs.js'
import { models } from './check/models.js'
import { reads } from './check/reads.js'
import type { CheckOptions, Violation } from './check/rules.js'
import type { Dump } from './dump.js'
import type { Record } from './records.js'
import { createView } from './view.js'

/**
 * Holds what clients and models wrote down against what is stored. While the run goes on, the records have to be read
 * before the dump is.
 */
export const check = (records: Record[], dump: Dump, options: CheckOptions): Violation[] => {
  const view = createView(records, dump)
  const deadlocks: Violation[] =
    dump.deadlocks === 0
      ? []
      : [{ rule: 'deadlock', text: `PostgreSQL has broken ${dump.deadlocks} deadlocks` }]
  return [
    ...deadlocks,
    ...[logs, acknowledgements, reads, models, bounds].flatMap((part) => part(view, options)),
  ]
}
