import t from 'tap'
import { fitWindow } from '../../src/turns/agent/history-window.js'
import type { WindowState, WindowTurn } from '../../src/turns/types.js'

/** Turns of so many tokens, from position 1 on. */
const turnsOf = (...tokens: number[]): WindowTurn[] =>
  tokens.map((tokens, n) => ({ user: 'u', assistant: 'a', position: 2 * n + 1, tokens }))

const stateOf = (turns: WindowTurn[], fields: Partial<WindowState> = {}): WindowState => ({
  position: 2 * turns.length + 1,
  start: null,
  is_whole: true,
  summary: null,
  ...fields,
})

/** Where the window begins, and how many turns it has. */
const fit = (turns: WindowTurn[], limits: { tokens: number; messages?: number }, fields = {}) => {
  const fitted = fitWindow(turns, stateOf(turns, fields), { messages: 40, ...limits })
  return [fitted.start, fitted.history.length, fitted.summary] as const
}

const summary = { text: 'so far', tokens: 20, through: 10 }

t.test('the window stays as long as all of it fits, and then moves far', async (t) => {
  const ten = turnsOf(...Array(10).fill(10))
  t.same(fit(ten, { tokens: 100 }), [null, 10, undefined], 'what fits exactly stays')
  t.same(fit(ten, { tokens: 99 }), [13, 4, undefined], 'a token less moves it to half of the budget')
  t.same(fit(ten, { tokens: 100, messages: 20 }), [null, 10, undefined], 'so many messages stay')
  t.same(fit(ten, { tokens: 100, messages: 18 }), [11, 5, undefined], 'two fewer move it to half as many')
  t.same(fit(ten, { tokens: 100 }, { is_whole: false }), [11, 5, undefined], 'there is more than was read')
  t.same(fit(ten.slice(3), { tokens: 100 }, { start: 5 }), [5, 7, undefined], 'a start is kept as it is')
})

t.test('the newest turn is kept when it fits at all, and no turn is cut', async (t) => {
  t.same(fit(turnsOf(60, 60), { tokens: 100 }), [3, 1, undefined], 'though it takes more than half')
  t.same(fit(turnsOf(60, 101), { tokens: 100 }), [5, 0, undefined], 'one that does not fit hides the others')
  t.same(fit(turnsOf(10, 10), { tokens: 100, messages: 2 }), [3, 1, undefined], 'a window of one turn')
  t.same(fit(turnsOf(10), { tokens: -5 }), [3, 0, undefined], 'nothing is left over')
  t.same(fit(turnsOf(10), { tokens: 100, messages: 1 }), [null, 0, undefined], 'no turn is wanted')
  t.same(fit([], { tokens: 100 }), [null, 0, undefined], 'there is none')
})

t.test('a summary stands for what is not in the window, and counts', async (t) => {
  const five = turnsOf(10, 10, 10, 10, 10)
  const begun = { start: 1, summary }
  t.same(fit(five, { tokens: 70 }, begun), [1, 5, 'so far'], 'both fit exactly')
  t.same(fit(five, { tokens: 69 }, begun), [7, 2, 'so far'], 'a token less moves the window')
  t.same(fit(five, { tokens: 70 }, { summary }), [null, 5, undefined], 'a whole conversation needs none')
  t.same(fit(five, { tokens: 39 }, begun), [9, 1, undefined], 'it would take more than half')
})
