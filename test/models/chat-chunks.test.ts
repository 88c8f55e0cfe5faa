import t from 'tap'
import type { ModelError } from '../../src/models/model-error.js'
import { type Heard, hearAll, hello, type Row, usage } from '../helpers/ask-model.js'
import { data, wires } from '../helpers/provider-wire.js'

const done = data('[DONE]')
const chunk = (delta: unknown, finish_reason: unknown = null, more: object = {}) =>
  data({ choices: [{ index: 0, delta, finish_reason }], ...more })
const said = (content: unknown): string[] => [chunk({ content }), chunk({}, 'stop'), done]
const counted = (usage: object, more: object = {}): string[] => [
  chunk({ content: 'Hello' }, 'stop', { usage, ...more }),
  done,
]
const filtered: Partial<Heard> = { text: 'No.', error: { code: 'model-content-filtered' } as ModelError }
const whole = wires['openai-compatible'].answer('Hel', 'lo')

const rows: Row[] = [
  ['no space behind data', whole.map((step) => step.replace('data: ', 'data:')), hello],
  ['lines that end in CR', [whole.join('').replaceAll('\n', '\r')], hello],
  ['a byte order mark', [`\uFEFF${whole.join('')}`], hello],
  ['the name of the field twice', whole.map((step) => `data: ${step}`), hello],
  ['no blank lines', [whole.join('').replaceAll('\n\n', '\n')], hello],
  ['no [DONE]', whole.slice(0, -1), hello],
  ['[DONE] twice', [...whole, done], hello],
  ['[done]', [...whole.slice(0, -1), data('[done]'), 'data: bye\n\n'], hello],
  [
    'several chunks in a list',
    [data([JSON.parse(chunk({ content: 'Hello' }, 'stop').slice(6))]), done],
    hello,
  ],

  ['a number', said(5), { text: '5' }],
  ['a part that is not in a list', said({ type: 'text', text: 'Hello' }), hello],
  ['texts in a list', said(['Hel', null, 'lo']), hello],
  ['parts of other types', said([{ type: 'output_text', text: 'Hel' }, { text: 'lo' }]), hello],
  [
    'nothing in other ways',
    [chunk({ content: false }), chunk({ content: {} }), chunk({ content: [] }), ...said('Hello')],
    hello,
  ],
  [
    'a reasoning part',
    said([
      { type: 'thinking', thinking: 'Hm.' },
      { type: 'text', text: 'Hello' },
    ]),
    { ...hello, reasoning: 'Hm.' },
  ],
  [
    'tags in a part',
    said([{ type: 'text', text: '<think>Hm.</think>Hello' }]),
    { ...hello, reasoning: 'Hm.' },
  ],
  [
    'much white space before a tag, which is not held for ever',
    [chunk({ content: ' '.repeat(1_001) }), ...said('<think>Hm.</think>Hello')],
    { text: `${' '.repeat(1_001)}<think>Hm.</think>Hello`, reasoning: '' },
  ],
  [
    'very many tags at once',
    said(`${'<think>.</think>'.repeat(100_000)}Hello`),
    { ...hello, reasoning: '.'.repeat(100_000) },
  ],
  [
    'another name of the finish reason',
    [data({ choices: [{ delta: { content: 'Hello' }, finishReason: 'stop' }] }), done],
    hello,
  ],
  [
    'a reason, then stop',
    [chunk({ content: 'Hello' }, 'length'), chunk({}, 'stop'), done],
    { ...hello, finish: 'length' },
  ],
  ...['in_progress', 'incomplete', 'running', 'finish_reason_unspecified'].map(
    (word): Row => [
      `${word} before stop`,
      [chunk({ content: '<thi' }, word), chunk({ content: 'nk>Hm.</think>Hello' }, word), chunk({}, 'stop')],
      { ...hello, reasoning: 'Hm.' },
    ],
  ),
  ['a word of its own before stop', [chunk({ content: 'Hello' }, 'working'), chunk({}, 'stop')], hello],
  [
    'an error, then stop',
    [chunk({ content: 'Hel' }, 'error'), chunk({}, 'stop'), done],
    { text: 'Hel', error: { code: 'model-broken-off' } as ModelError },
  ],
  ...['STOP', 'end_turn', 'eos', ''].map(
    (word): Row => [`a refusal and "${word}"`, [chunk({ refusal: 'No.' }), chunk({}, word), done], filtered],
  ),
  ['true for a finish reason', [chunk({ content: 'Hello' }, true), done], { ...hello, finish: 'other' }],
  [
    'another choice before it',
    [
      data({
        choices: [
          { index: 1, delta: { content: 'x' } },
          { index: 0, delta: { content: 'Hello' }, finish_reason: 'stop' },
        ],
      }),
      done,
    ],
    hello,
  ],
  ...[
    { code: 200, message: 'success' },
    { code: '0', msg: 'ok' },
    { status: 'ok', message: 'accepted' },
    { detail: 'loading the model', progress: 5 },
    { message: 'You are number 3 in the queue' },
  ].flatMap((notice): Row[] => [
    [`a notice before the answer: ${JSON.stringify(notice)}`, [data(notice), ...said('Hello')], hello],
    [
      `a notice in the answer: ${JSON.stringify(notice)}`,
      [chunk({ content: 'Hel' }), data(notice), ...said('lo')],
      hello,
    ],
  ]),
  ...[{ message: 'bye' }, { detail: 'took 3 s' }].flatMap((notice): Row[] => [
    [`after the end: ${JSON.stringify(notice)}`, [...said('Hello').slice(0, -1), data(notice)], hello],
    [
      `between the end and [DONE]: ${JSON.stringify(notice)}`,
      [...said('Hello').slice(0, -1), data(notice), done],
      hello,
    ],
    [
      `between a blank end and [DONE]: ${JSON.stringify(notice)}`,
      [chunk({ content: 'Hel' }, ''), chunk({ content: 'lo' }, ''), data(notice), done],
      hello,
    ],
  ]),
  ...[{ error_msg: 'success' }, { errmsg: 'ok' }, { errmsg: 'OK', errcode: '' }].map(
    (more): Row => [
      `in each chunk: ${JSON.stringify(more)}`,
      [chunk({ content: 'Hello' }, null, more), chunk({}, 'stop', more), done],
      hello,
    ],
  ),
  ...[
    { code: 200, message: 'OK' },
    'none',
    { code: '0' },
    { code: 0, type: 'none' },
    { code: null, message: 'success' },
    { code: '', message: 'OK' },
  ].map(
    (error): Row => [
      `an error that is none: ${JSON.stringify(error)}`,
      [chunk({ content: 'Hello' }, 'stop', { error }), done],
      hello,
    ],
  ),
  ['a number for a finish reason', [chunk({ content: 'Hello' }, 7), done], { ...hello, finish: 'other' }],
  ['null for a choice', [data({ choices: [null] }), ...said('Hello')], hello],
  ['false for a finish reason', [chunk({ content: 'Hello' }, false), chunk({}, 'stop'), done], hello],
  [
    'the whole message behind a role',
    [
      chunk({ role: 'assistant', content: '' }),
      data({ choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }] }),
    ],
    hello,
  ],

  ...['reasoning_content', 'reasoning', 'thinking', 'reasoning_text'].flatMap((field): Row[] => [
    [
      `${field}, then the whole message`,
      [
        chunk({ [field]: 'H' }),
        chunk({ [field]: 'm.' }),
        data({ choices: [{ message: { content: 'Hello', [field]: 'Hm.' }, finish_reason: 'stop' }] }),
      ],
      { ...hello, reasoning: 'Hm.' },
    ],
    [
      field,
      [chunk({ [field]: 'H' }), chunk({ [field]: 'm.' }), ...said('Hello')],
      { ...hello, reasoning: 'Hm.' },
    ],
  ]),
  [
    'an object with the reasoning',
    [chunk({ reasoning: { content: 'Hm.' } }), ...said('Hello')],
    { ...hello, reasoning: 'Hm.' },
  ],
  ...['text', 'summary'].map(
    (field): Row => [
      `details with a ${field} alone`,
      [chunk({ reasoning_details: [{ type: `reasoning.${field}`, [field]: 'Hm.' }] }), ...said('Hello')],
      { ...hello, reasoning: 'Hm.' },
    ],
  ),
  [
    'thinking blocks',
    [chunk({ thinking_blocks: [{ type: 'thinking', thinking: 'Hm.', signature: 's' }] }), ...said('Hello')],
    { ...hello, reasoning: 'Hm.' },
  ],
  [
    'the reasoning twice, the second time at the end',
    [
      chunk({ reasoning: 'Hm.' }),
      ...said('Hello').slice(0, -1),
      chunk({ reasoning_details: [{ type: 'reasoning.text', text: 'Hm.' }] }),
      done,
    ],
    { ...hello, reasoning: 'Hm.' },
  ],

  [
    'counts that are texts',
    counted({ prompt_tokens: '11', completion_tokens: '7' }),
    usage(11, 7, { total_tokens: 18 }),
  ],
  [
    'counts, then none',
    [
      ...counted({ prompt_tokens: 11, completion_tokens: 7 }).slice(0, 1),
      data({ choices: [], usage: {} }),
      done,
    ],
    usage(11, 7),
  ],
  ['counts of Anthropic’s names', counted({ input_tokens: 11, output_tokens: 7 }), usage(11, 7)],
  ['counts of other names', counted({ tokens: 3 }), usage(null, null, { total_tokens: null })],
  ['one count', counted({ prompt_tokens: 11 }), usage(11, null, { total_tokens: null })],
  [
    'DeepSeek’s cached tokens',
    counted({ prompt_tokens: 11, completion_tokens: 7, prompt_cache_hit_tokens: 5 }),
    usage(11, 7, { cached_input_tokens: 5 }),
  ],
  [
    'Moonshot’s cached tokens',
    counted({ prompt_tokens: 11, completion_tokens: 7, cached_tokens: 5 }),
    usage(11, 7, { cached_input_tokens: 5 }),
  ],
  [
    'Perplexity’s reasoning tokens',
    counted({ prompt_tokens: 11, completion_tokens: 7, reasoning_tokens: 4 }),
    usage(11, 7, { reasoning_tokens: 4 }),
  ],
  [
    'Groq’s counts',
    [
      chunk({ content: 'Hello' }, 'stop', { x_groq: { usage: { prompt_tokens: 11, completion_tokens: 7 } } }),
      done,
    ],
    usage(11, 7),
  ],
  [
    'counts in the choice',
    [
      data({
        choices: [
          {
            delta: { content: 'Hello' },
            finish_reason: 'stop',
            usage: { prompt_tokens: 11, completion_tokens: 7 },
          },
        ],
      }),
    ],
    usage(11, 7),
  ],
]

hearAll(t, 'openai-compatible', rows)
