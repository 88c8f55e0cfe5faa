import type { Mutation } from '../mutate.js'

/** What a turn took is added up, once. */
export const usage: Mutation[] = [
  {
    breaks: 'a turn counts once, however often it is tried',
    of: 'end_turns',
    from: /count\(\*\) filter \(where e\.attempt = 1\)/,
    to: 'count(*)',
  },
  {
    breaks: 'an interrupted turn counts',
    of: 'interrupt_turn',
    from: /perform colloquy\.add_usage\([^;]*;/,
    to: '',
  },
  {
    breaks: 'usage is added to that of the day',
    of: 'add_usage',
    from: /input_tokens = u\.input_tokens \+/,
    to: 'input_tokens =',
  },
]
