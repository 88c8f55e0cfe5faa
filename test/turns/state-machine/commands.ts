import fc from 'fast-check'
import {
  beginAgain,
  beginBranch,
  beginExpiring,
  beginNew,
  beginNext,
  beginTogether,
  choose,
  continueExpiring,
  repeatBegin,
} from './begins.js'
import { endAttempt, endTogether, repeatEnd } from './ends.js'
import { day } from './model.js'
import { limits, ownKey } from './requests.js'
import { type Actors, type Real, type Step, scene } from './step.js'
import {
  advance,
  all,
  cancel,
  expire,
  interrupt,
  prune,
  read,
  remove,
  removeExpired,
  tick,
} from './upkeep.js'

const ifAny = fc.constantFrom
const keyed = fc.constant(ownKey)
const unkeyed = fc.constant(undefined)
const older = fc.constant(1)
const failing = endAttempt(ifAny('failed', 'failed', 'interrupted'))
const going = endAttempt(ifAny('completed', 'completed', 'completed', 'cancelled', 'failed'))
const run = tick({ held: all, read: 0, awaited: 0 })
const follow = tick({ held: 0, read: all, awaited: all })
const { leaseMs } = limits

/** What happens to branches needs many calls in a row. */
const branching: fc.Arbitrary<Step>[] = [
  scene(
    beginNew(),
    going,
    beginNext(),
    going,
    beginBranch(),
    going,
    beginBranch(),
    going,
    beginNext(),
    going,
    beginNext(),
  ),
  scene(beginNew(), going, beginBranch(), going, choose(), beginNext(), going, choose(), beginNext()),
  scene(beginNew(unkeyed), going, beginBranch(keyed), failing, choose(older), beginAgain, going, beginNext()),
]

/**
 * What several calls in a row lead to, which come together by chance too seldom to be tried in every few runs. Any of
 * the calls may be left out.
 */
const scenes: fc.Arbitrary<Step>[] = [
  // A turn is tried again.
  scene(beginNew(keyed), cancel, failing, beginAgain, run, follow, failing, repeatEnd(fc.nat(1))),
  // Too late, since another turn has begun.
  scene(beginNew(keyed), failing, beginNext(unkeyed), beginAgain),
  // An instance dies, and somebody else comes.
  scene(
    fc.oneof(beginNew(keyed), beginNext(keyed)),
    run,
    advance(leaseMs / 3 + 1, leaseMs, leaseMs + 1),
    fc.oneof(run, follow, advance(leaseMs, leaseMs + 1)),
    fc.oneof(beginNext(), beginAgain, interrupt, interrupt),
  ),
  // A conversation gets long.
  scene(beginNew(), going, beginNext(), going, beginNext(), going, beginNext()),
  // A limit is reached, and is another day's again.
  scene(...Array.from({ length: 5 }, () => beginNew(unkeyed, 'minute'))),
  scene(...Array.from({ length: 5 }, () => beginNew(unkeyed, 'day'))),
  scene(
    beginNew(unkeyed),
    going,
    advance(day),
    beginNew(unkeyed, 'tokens'),
    going,
    beginNew(unkeyed, 'tokens'),
  ),
  // A conversation expires, unless a turn puts it off; its rows go, unless one runs.
  scene(
    beginExpiring(),
    going,
    advance(1, 60_000),
    continueExpiring(),
    advance(day),
    removeExpired,
    going,
    removeExpired,
  ),
  scene(
    beginExpiring(),
    going,
    advance(day - 1, day),
    fc.oneof(continueExpiring(), beginAgain, read, remove),
    removeExpired,
  ),
  scene(
    beginNew(keyed),
    failing,
    expire,
    advance(1, 60_000),
    fc.oneof(beginAgain, cancel, read, choose()),
    removeExpired,
  ),
  scene(
    beginNew(keyed),
    run,
    expire,
    advance(1, leaseMs, leaseMs + 1),
    removeExpired,
    fc.oneof(cancel, read, beginAgain),
  ),
  scene(beginNew(keyed, undefined, true), failing, advance(1, 60_000), beginAgain),
  scene(beginNew(keyed), expire, advance(leaseMs + 1), removeExpired),
  // A budget is spent, also by turns that are tried again, and is another day's again.
  scene(
    beginNew(keyed, 'budget'),
    failing,
    beginAgain,
    beginNew(unkeyed, 'budget'),
    going,
    beginNew(unkeyed, 'budget'),
  ),
  scene(
    beginNew(unkeyed, 'month'),
    going,
    advance(day),
    ...Array.from({ length: 3 }, () => beginNew(unkeyed, 'month')),
  ),
  // The same for all users.
  scene(
    beginNew(keyed, 'total'),
    failing,
    beginAgain,
    beginNew(unkeyed, 'total'),
    going,
    beginNew(unkeyed, 'total'),
    advance(day),
    going,
    beginNew(unkeyed, 'total'),
  ),
  scene(
    ...[
      beginNew(unkeyed, 'total'),
      beginNew(unkeyed, 'total'),
      fc.oneof(interrupt, remove),
      advance(leaseMs + 1),
    ],
    ...[
      fc.oneof(interrupt, remove),
      beginNew(unkeyed, 'total'),
      advance(day),
      beginNew(unkeyed, 'total'),
      going,
    ],
    ...[beginNew(unkeyed, 'total'), beginNew(unkeyed, 'total')],
  ),
  // What it cost is known after it was deleted.
  scene(beginNew(unkeyed, 'total'), remove, going, beginNew(unkeyed, 'total'), repeatEnd(fc.nat(1))),
  scene(
    beginNew(keyed, 'total'),
    failing,
    beginAgain,
    remove,
    endAttempt(),
    repeatEnd(fc.nat(1)),
    advance(day),
  ),
  scene(beginTogether, endTogether),
  scene(beginNew(keyed), beginNew(keyed), beginNew(keyed), advance(day, day + 1), prune),
]

/** A kind that is named twice comes twice as often. */
export const commands = fc.commands<Actors, Real, true>(
  [
    ...[beginNew(), beginNext(), beginNext(), beginNext(), beginAgain, repeatBegin, beginBranch(), choose()],
    ...[beginTogether, endTogether],
    ...[endAttempt(), endAttempt(), endAttempt(), repeatEnd()],
    ...[cancel, interrupt, tick(), tick(), advance(), advance(), prune, remove, read],
    ...[expire, removeExpired],
    ...scenes,
    ...scenes,
    ...[...branching, ...branching, ...branching, ...branching],
  ],
  { maxCommands: 20, size: 'max' },
)
