import t from 'tap'
import type { ModelError } from '../../src/models/model-error.js'
import { called, hearAll, hello, type Row } from '../helpers/ask-model.js'
import { data } from '../helpers/provider-wire.js'

const done = data('[DONE]')
const chunk = (delta: unknown, finish_reason: unknown = null) =>
  data({ choices: [{ index: 0, delta, finish_reason }] })
const said = (content: unknown): string[] => [chunk({ content }), chunk({}, 'stop'), done]
const piece = (index: unknown, id: unknown, name: unknown, args: unknown) => ({
  ...(index !== undefined && { index }),
  id,
  function: { name, arguments: args },
})
const calling = (...pieces: unknown[]): string[] => [
  ...pieces.map((piece) => chunk({ tool_calls: piece })),
  chunk({}, 'tool_calls'),
  done,
]
const many = (count: number) => Array.from({ length: count }, (_, n) => piece(n, `${n}`, 'add', '{"n":1}'))
const cut = (...pieces: unknown[]): string[] => [chunk({ tool_calls: pieces }), chunk({}, 'length'), done]
const two = called(['add', { n: 1 }], ['add', { n: 2 }])
const rows: Row[] = [
  [
    'the one call of older servers',
    [
      chunk({ function_call: { name: 'add', arguments: '' } }),
      chunk({ function_call: { arguments: '{"n":1}' } }),
      chunk({}, 'function_call'),
      done,
    ],
    called(['add', { n: 1 }]),
  ],
  [
    '{} before the arguments',
    calling([piece(0, 'a', 'add', '{}')], [piece(0, null, null, '{"n":1}')]),
    called(['add', { n: 1 }]),
  ],
  [
    'a name that comes behind its id',
    calling([piece(0, 'a', '', '')], [piece(0, '', 'add', '{"n":1}')]),
    called(['add', { n: 1 }]),
  ],
  ['a call that is never named', [chunk({ tool_calls: [piece(0, 'a', '', '{}')] }), ...said('Hello')], hello],
  ...['None', 'undefined'].map(
    (args): Row => [`${args} for arguments`, calling([piece(0, 'a', 'add', args)]), called(['add', {}])],
  ),
  ...[0, undefined, null].flatMap((index): Row[] => [
    [
      `index ${index}, whole calls`,
      calling([piece(index, 'a', 'add', '{"n":1}')], [piece(index, 'b', 'add', '{"n":2}')]),
      two,
    ],
    [
      `index ${index}, in one chunk`,
      calling([piece(index, 'a', 'add', '{"n":1}'), piece(index, 'b', 'add', '{"n":2}')]),
      two,
    ],
    [
      `index ${index}, in pieces`,
      calling(
        [piece(index, 'a', 'add', '')],
        [piece(index, null, null, '{"n":')],
        [piece(index, '', '', '1}')],
        [piece(index, 'b', 'add', '')],
        [piece(index, undefined, undefined, '{"n":2}')],
      ),
      two,
    ],
    [
      `index ${index}, no ids`,
      calling([piece(index, null, 'add', '{"n":1}')], [piece(index, null, 'add', '{"n":2}')]),
      two,
    ],
    [
      `index ${index}, all in each piece`,
      calling(
        [piece(index, 'a', 'add', '{"n"')],
        [piece(index, 'a', 'add', ':1}')],
        [piece(index, 'b', 'add', '{"n":2}')],
      ),
      two,
    ],
    [
      `index ${index}, objects`,
      calling([piece(index, 'a', 'add', {})], [piece(index, 'b', 'add', {})]),
      called(['add', {}], ['add', {}]),
    ],
  ]),
  ['indexes from 1', calling([piece(1, 'a', 'add', '{"n":1}')], [piece(2, 'b', 'add', '{"n":2}')]), two],
  [
    'indexes that are texts',
    calling([piece('0', 1, 'add', '{"n":1}')], [piece('1', 2, 'add', '{"n":2}')]),
    two,
  ],
  [
    'the second before the first',
    calling([piece(1, 'b', 'add', '{"n":')], [piece(0, 'a', 'add', '{"n":1}')], [piece(1, null, null, '2}')]),
    two,
  ],
  [
    'pieces by their ids',
    calling(
      [piece(undefined, 'a', 'add', '{"n":'), piece(undefined, 'b', 'add', '{"n":')],
      [piece(undefined, 'a', null, '1}')],
      [piece(undefined, 'b', null, '2}')],
    ),
    two,
  ],
  ['one id for both', calling([piece(0, 'a', 'add', '{"n":1}')], [piece(1, 'a', 'add', '{"n":2}')]), two],
  [
    'another id in each piece',
    calling([piece(0, 'a', 'add', '{"n"')], [piece(0, 'b', null, ':1}')]),
    called(['add', { n: 1 }]),
  ],
  [
    'the name late',
    calling([piece(0, 'a', null, '{"n":')], [piece(0, null, 'add', '1}')]),
    called(['add', { n: 1 }]),
  ],
  [
    'a map of calls',
    calling(
      { 0: piece(undefined, 'a', 'add', '{"n":'), 1: piece(null, 'b', 'add', '{"n":2}') },
      { 0: piece(undefined, 'a', null, '1}') },
    ),
    two,
  ],
  ['a call that is not in a list', calling(piece(0, 'a', 'add', { n: 1 })), called(['add', { n: 1 }])],
  [
    'a call without its function',
    calling([{ id: 'a', name: 'add', arguments: { n: 1 } }]),
    called(['add', { n: 1 }]),
  ],
  ['cut before the arguments', cut(piece(0, 'a', 'add', '')), called(['add', null])],
  [
    'cut behind a whole call',
    cut(piece(0, 'a', 'add', '{"n":1}'), piece(1, 'b', 'add', '')),
    called(['add', { n: 1 }], ['add', null]),
  ],
  [
    'cut in the second call',
    cut(piece(0, 'a', 'add', '{}'), piece(1, 'b', 'add', '{"n"')),
    called(['add', {}], ['add', '{"n"']),
  ],
  [
    'cut before the arguments of all its calls',
    cut(piece(0, 'a', 'add', ''), piece(1, 'b', 'add', '')),
    called(['add', null], ['add', null]),
  ],
  [
    'twice as many calls as a turn may make',
    calling(many(2_000)),
    called(...many(2_000).map((): [string, object] => ['add', { n: 1 }])),
  ],
  [
    'more than twice as many calls as a turn may make',
    calling(many(2_001)),
    { calls: [], error: { code: 'model-tool-limit' } as ModelError, asked: 1 },
  ],
  [
    'calls that are none',
    [
      chunk({ tool_calls: [null] }),
      chunk({ tool_calls: {} }),
      chunk({ tool_calls: [{ id: null, function: null }] }),
      ...said('Hello'),
    ],
    hello,
  ],
]

hearAll(t, 'openai-compatible', rows)
