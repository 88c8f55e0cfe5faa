import type { View } from '../view.js'
import type { Check, CheckOptions, Violation } from './rules.js'

const limits = ({ users }: View, { runningTurns, budgets = {} }: CheckOptions): Violation[] =>
  users.flatMap(({ user_id, running, reserved, spent }): Violation[] => {
    const budget = budgets[user_id]
    return [
      ...(runningTurns !== undefined && running > runningTurns
        ? [
            {
              rule: 'over-limit' as const,
              text: `${running} turns of ${user_id} run, and ${runningTurns} may`,
            },
          ]
        : []),
      ...(budget !== undefined && spent + reserved > budget
        ? [
            {
              rule: 'over-budget' as const,
              text: `${user_id} has spent ${spent} and reserved ${reserved} of ${budget}`,
            },
          ]
        : []),
    ]
  })

const undead = ({ gone, sightings }: View): Violation[] =>
  sightings.flatMap(({ at, conversation, what }) => {
    const from = gone.get(conversation)
    if (from === undefined || at <= from) return []
    return [{ rule: 'undead', text: `${what} ${at - from} µs after conversation ${conversation} was gone` }]
  })

/** What must never be more, and what must never be there again. */
export const bounds: Check = (view, options) => [...limits(view, options), ...undead(view)]
