import fc from 'fast-check'
import type { EndStatus } from '../../../src/turns/types.js'

/**
 * Calls that leave at once, on two instances, about a few conversations of two users. What of them comes together in a
 * batch, and what first, is up to the instances and PostgreSQL; what must hold is not.
 */

export type Choice = { place: number; instance: number } & (
  | { do: 'begin'; key: string | undefined; twice: boolean; isUnstorable: boolean }
  | { do: 'end'; status: EndStatus; twice: boolean; isUnstorable: boolean }
  | { do: 'cancel' | 'tick' | 'interrupt' | 'delete' }
)

/** What another transaction holds until all calls are answered or wait: the first conversation, its turn, usage, or the budget for all users. */
export type Held = 'nothing' | 'conversation' | 'turn' | 'usage' | 'total'

export interface Burst {
  calls: Choice[]
  held: Held
  /** whether the leases of the turns that run by then, run out */
  isLeaseOver: boolean
}

/** Whose each conversation is. The first is where most happens. */
export const owners = ['alice', 'alice', 'bob', 'bob'] as const
const where = { place: fc.constantFrom(0, 0, 0, 0, 1, 2, 3), instance: fc.nat(1) }
const isUnstorable = fc.integer({ min: 1, max: 20 }).map((n) => n === 20)

const choice: fc.Arbitrary<Choice> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      ...where,
      do: fc.constant('begin' as const),
      key: fc.constantFrom(undefined, 'k1', 'k2'),
      twice: fc.boolean(),
      isUnstorable,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      ...where,
      do: fc.constant('end' as const),
      status: fc.constantFrom<EndStatus[]>('failed', 'completed', 'cancelled', 'interrupted'),
      twice: fc.boolean(),
      isUnstorable,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ ...where, do: fc.constantFrom('cancel', 'tick', 'interrupt') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...where,
      do: fc.integer({ min: 1, max: 6 }).map((n) => (n === 6 ? ('delete' as const) : ('cancel' as const))),
    }),
  },
)

const anything = fc.record({
  calls: fc.array(choice, { minLength: 2, maxLength: 10, size: 'max' }),
  held: fc.constantFrom<Held[]>('nothing', 'nothing', 'conversation', 'turn', 'usage', 'total'),
  isLeaseOver: fc.boolean(),
})

const begin = (place: number, instance: number, key: string, isUnstorable = false): Choice => ({
  ...{ do: 'begin', place, instance, key, twice: false, isUnstorable },
})
const end = (place: number, instance: number, status: EndStatus, isUnstorable = false): Choice => ({
  ...{ do: 'end', place, instance, status, twice: false, isUnstorable },
})
const first = (what: 'tick' | 'interrupt' | 'delete', instance = 0): Choice => ({
  ...{ do: what, place: 0, instance },
})
const burst = (held: Held, ...calls: Choice[]): Burst => ({ calls, held, isLeaseOver: false })

/** What bursts lead to that are drawn by chance too seldom to be tried in every few runs. */
const scenes: Burst[][] = [
  // Two batches cost the same users something. What comes first leaves alone, so that it is one that costs nothing.
  [0, 0].map(() =>
    burst(
      'usage',
      ...[end(0, 0, 'failed', true), end(0, 0, 'completed'), end(2, 0, 'completed')],
      ...[end(1, 1, 'failed', true), end(1, 1, 'completed'), end(3, 1, 'completed')],
    ),
  ),
  // A batch has an entry that would wait.
  [burst('conversation', begin(2, 0, 'alone', true), begin(0, 0, 'waits'), begin(1, 0, 'does not'))],
  // A batch fails while its owner has as many that wait as may; one of it need not.
  [
    burst('nothing', end(0, 0, 'completed'), end(1, 0, 'completed')),
    burst(
      'conversation',
      ...[
        begin(0, 0, 'waits'),
        begin(0, 0, 'waits, too'),
        begin(1, 0, 'does not'),
        begin(3, 0, 'fails', true),
      ],
    ),
  ],
  // A turn is tried again on both instances.
  [
    burst('nothing', end(0, 0, 'completed')),
    burst('nothing', begin(0, 0, 'again')),
    burst('nothing', end(0, 0, 'failed')),
    burst('conversation', begin(0, 0, 'again'), begin(0, 1, 'again')),
  ],
  // An instance that was slow renews the lease of a turn that another one interrupts.
  [
    { ...burst('nothing', begin(0, 0, 'slow'), first('tick')), isLeaseOver: true },
    burst('turn', first('interrupt', 1)),
  ],
  // A conversation is deleted while a turn of it ends.
  [burst('usage', end(0, 0, 'completed'), first('delete', 1))],
  // Batches of both instances begin and end what counts on the budget for all users.
  [
    burst('total', begin(0, 0, 'one'), begin(2, 0, 'two'), begin(1, 1, 'three'), begin(3, 1, 'four')),
    burst('total', end(0, 0, 'completed'), end(2, 0, 'failed'), end(1, 1, 'completed'), first('delete', 1)),
  ],
  // A turn is ended while its instance tells what it has said.
  [burst('usage', end(0, 0, 'completed'), first('tick', 1))],
]

export const bursts = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: anything.map((it) => [it]) },
      { weight: 2, arbitrary: fc.constantFrom(...scenes) },
    ),
    { minLength: 1, maxLength: 8, size: 'max' },
  )
  .map((list) => list.flat())
