import t from 'tap'
import type { ModelError } from '../../src/models/model-error.js'
import { called, type Heard, hearAll, hello, type Row, usage } from '../helpers/ask-model.js'
import { data } from '../helpers/provider-wire.js'

type Events = [what: string, events: unknown[], heard: Partial<Heard>]
/** What a call is that was cut before its arguments: none, not one without arguments. */
const cut = called(['add', null])
const brokenOff: Partial<Heard> = { text: 'Hello', error: { code: 'model-broken-off' } as ModelError }
const two = called(['add', { n: 1 }], ['add', { n: 2 }])

const start = {
  type: 'message_start',
  message: { id: 'm', role: 'assistant', model: 'c', content: [], usage: { input_tokens: 11 } },
}
const begun = (index: number | undefined, content_block: object) => ({
  type: 'content_block_start',
  index,
  content_block,
})
const delta = (index: number | undefined, delta: object) => ({ type: 'content_block_delta', index, delta })
const stopped = (index?: number) => ({ type: 'content_block_stop', index })
const text = (index?: number) => [
  begun(index, { type: 'text', text: '' }),
  delta(index, { type: 'text_delta', text: 'Hello' }),
  stopped(index),
]
const ended = (stop_reason: string, usage: unknown = { output_tokens: 7 }) => [
  { type: 'message_delta', delta: { stop_reason }, usage },
  { type: 'message_stop' },
]
const mood = [
  begun(0, { type: 'mood', mood: 1 }),
  delta(0, { type: 'text_delta', text: 'glad' }),
  delta(0, { type: 'mood_delta' }),
  stopped(0),
]
const use = (index: number | undefined, id: string | null) =>
  begun(index, { type: 'tool_use', id, name: 'add', input: {} })
const input = (index: number | undefined, partial_json: string) =>
  delta(index, { type: 'input_json_delta', partial_json })

const anthropic: Events[] = [
  ['a block of a new kind', [start, ...mood, ...text(1), ...ended('end_turn')], hello],
  ['no index', [start, ...text(), ...ended('end_turn')], hello],
  ['no start of a block', [start, ...text(0).slice(1), ...ended('end_turn')], hello],
  ['no start of anything', [...text(0).slice(1), ...ended('end_turn')], hello],
  ['no message_stop', [start, ...text(0), ...ended('end_turn').slice(0, 1)], hello],
  [
    'counts after the reason',
    [
      start,
      ...text(0),
      ended('end_turn')[0],
      { type: 'message_delta', delta: { stop_reason: null }, usage: { output_tokens: 9 } },
      { type: 'message_stop' },
    ],
    { ...hello, ...usage(11, 9) },
  ],
  [
    'the reason in another place',
    [start, ...text(0), { type: 'message_delta', stop_reason: 'max_tokens' }, { type: 'message_stop' }],
    { ...hello, finish: 'length' },
  ],
  [
    'a number for a reason',
    [start, ...text(0), { type: 'message_delta', delta: { stop_reason: 7 } }, { type: 'message_stop' }],
    { ...hello, finish: 'other' },
  ],
  [
    'no types of blocks and pieces',
    [
      start,
      begun(0, { thinking: '' }),
      delta(0, { thinking: 'Hm.' }),
      delta(0, { signature: 's' }),
      stopped(0),
      begun(1, { text: '' }),
      delta(1, { text: 'Hello' }),
      stopped(1),
      begun(2, { id: 'a', name: 'add', input: {} }),
      delta(2, { partial_json: '{"n":1}' }),
      stopped(2),
      ...ended('tool_use'),
    ],
    { text: 'Hello', reasoning: 'Hm.', ...called(['add', { n: 1 }]) },
  ],
  [
    'tools of Anthropic’s own',
    [
      start,
      begun(0, { type: 'server_tool_use', id: 's', name: 'web_search', input: {} }),
      input(0, '{"query":"x"}'),
      stopped(0),
      begun(1, { type: 'web_search_tool_result', tool_use_id: 's', content: [] }),
      stopped(1),
      ...text(2),
      ...ended('end_turn'),
    ],
    { ...hello, calls: [] },
  ],
  ['an empty reason, and no message_stop', [start, ...text(0), ...ended('').slice(0, 1)], hello],
  [
    'a limit, then a natural end',
    [start, ...text(0), ...ended('max_tokens').slice(0, 1), ...ended('end_turn')],
    { ...hello, finish: 'length' },
  ],
  [
    'a natural end, then the word null',
    [start, ...text(0), ...ended('end_turn').slice(0, 1), ...ended('null')],
    hello,
  ],
  ['a notice after the end', [start, ...text(0), ended('end_turn')[0], { detail: 'took 3 s' }], hello],
  ['a call that never comes', [start, ...text(0), ...ended('tool_use')], brokenOff],
  ['a call that is cut before its input', [start, use(0, 'a'), ...ended('max_tokens')], cut],
  [
    'a call that is cut in its input',
    [start, use(0, 'a'), input(0, '{"n":'), ...ended('max_tokens')],
    called(['add', '{"n":']),
  ],
  [
    'the text in the start',
    [
      start,
      begun(0, { type: 'text', text: 'Hel' }),
      delta(0, { type: 'text_delta', text: 'lo' }),
      stopped(0),
      ...ended('end_turn'),
    ],
    hello,
  ],
  [
    'thinking in the start',
    [
      start,
      begun(0, { type: 'thinking', thinking: 'Hm.', signature: 's' }),
      stopped(0),
      ...text(1),
      ...ended('end_turn'),
    ],
    { ...hello, reasoning: 'Hm.' },
  ],
  [
    'null for texts',
    [
      { ...start, message: { ...start.message, id: null, model: null, content: null, stop_reason: null } },
      begun(0, { type: 'thinking', thinking: null, signature: null }),
      delta(0, { type: 'thinking_delta', thinking: null }),
      delta(0, { type: 'signature_delta', signature: null }),
      stopped(0),
      begun(1, { type: 'text', text: null, citations: null }),
      delta(1, { type: 'text_delta', text: null }),
      ...text(1).slice(1),
      ...ended('end_turn', { output_tokens: 7, cache_read_input_tokens: null }),
    ],
    hello,
  ],
  [
    'no id of a call, and no end',
    [start, use(0, null), input(0, '{"n":1}'), ...ended('tool_use')],
    called(['add', { n: 1 }]),
  ],
  [
    'calls whose pieces alternate',
    [
      start,
      use(0, 'a'),
      use(1, 'b'),
      input(0, '{"n":'),
      input(1, '{"n":'),
      input(0, '1}'),
      input(1, '2}'),
      stopped(0),
      stopped(1),
      ...ended('tool_use'),
    ],
    two,
  ],
  [
    'counts that are texts',
    [
      { ...start, message: { usage: { input_tokens: '11' } } },
      ...text(0),
      ...ended('end_turn', { output_tokens: '7' }),
    ],
    usage(11, 7),
  ],
  [
    'no counts',
    [{ ...start, message: {} }, ...text(0), ...ended('end_turn', null)],
    usage(null, null, { total_tokens: null }),
  ],
]

const created = { type: 'response.created', response: { id: null, created_at: null, model: null } }
const message = {
  type: 'response.output_item.added',
  output_index: 0,
  item: { id: 'i', type: 'message', content: null },
}
const word = (delta: unknown) => ({
  type: 'response.output_text.delta',
  item_id: 'i',
  output_index: 0,
  delta,
})
const itemDone = (type: string, id?: string) => {
  const item = type === 'message' ? { id, type, content: [] } : { id, type, summary: [] }
  return { type: 'response.output_item.done', output_index: 0, item }
}
const completed = (usage: unknown = { input_tokens: 11, output_tokens: 7 }) => ({
  type: 'response.completed',
  response: { id: 'r', usage },
})
const functionCall = {
  id: null,
  type: 'function_call',
  call_id: 'c',
  name: 'add',
  arguments: '{"n":1}',
  status: null,
}

const refused: Partial<Heard> = { text: 'No.', error: { code: 'model-content-filtered' } as ModelError }
const content = (...parts: object[]) => ({ id: 'i', type: 'message', content: parts })
const said = (text: string) => ({ type: 'output_text', text, annotations: [] })
const whole = content(said('Hello'))
const refusal = content({ type: 'refusal', refusal: 'No.' })
const over = (item: object, output_index = 0) => ({ type: 'response.output_item.done', output_index, item })
const outputOf = (...output: object[]) => ({ type: 'response.completed', response: { id: 'r', output } })
const beginCall = (n: number) => ({
  type: 'response.output_item.added',
  output_index: n,
  item: { id: `f${n}`, type: 'function_call', call_id: `c${n}`, name: 'add', arguments: '' },
})
const argumentsOf = (n: number, delta: string) => ({
  type: 'response.function_call_arguments.delta',
  item_id: `f${n}`,
  output_index: n,
  delta,
})

const openai: Events[] = [
  ['the text with the end of its message', [created, message, over(whole), completed()], hello],
  [
    'the text with its own end',
    [
      created,
      message,
      { type: 'response.output_text.done', item_id: 'i', output_index: 0, text: 'Hello' },
      over(whole),
      completed(),
    ],
    hello,
  ],
  ['the text with the end of the response', [created, outputOf(whole)], hello],
  ['the text in pieces and again', [message, word('Hel'), word('lo'), over(whole), outputOf(whole)], hello],
  ['a refusal with the end of its message', [message, over(refusal), completed()], refused],
  ['a refusal with the end of the response', [created, outputOf(refusal)], refused],
  [
    'a refusal in pieces and again',
    [message, { ...word('No.'), type: 'response.refusal.delta' }, over(refusal), completed()],
    refused,
  ],
  [
    'a text, then a refusal',
    [message, word('Hel'), over(content({ type: 'refusal', refusal: 'No.' })), completed()],
    { ...refused, text: 'Hel' },
  ],
  [
    'a call with the end of the response',
    [created, outputOf({ ...functionCall, id: 'f' })],
    called(['add', { n: 1 }]),
  ],
  [
    'arguments in pieces alone',
    [beginCall(0), argumentsOf(0, '{"n":'), argumentsOf(0, '1}'), over(beginCall(0).item), completed()],
    called(['add', { n: 1 }]),
  ],
  [
    'a call without its end',
    [beginCall(0), argumentsOf(0, '{"n":1}'), completed()],
    called(['add', { n: 1 }]),
  ],
  [
    'calls whose pieces alternate',
    [
      beginCall(0),
      beginCall(1),
      ...['{"n":', '1}'].flatMap((text, n) => [argumentsOf(0, text), argumentsOf(1, n === 0 ? text : '2}')]),
      completed(),
    ],
    two,
  ],
  [
    'no places',
    [
      { ...beginCall(0), output_index: null },
      { ...argumentsOf(0, '{"n":1}'), output_index: null },
      { ...over(beginCall(0).item), output_index: null },
      completed(),
    ],
    called(['add', { n: 1 }]),
  ],
  [
    'tools of OpenAI’s own, and items of a new kind',
    [
      ...['web_search_call', 'mcp_call', 'custom_tool_call', 'mood'].flatMap((type) => [
        { type: 'response.output_item.added', output_index: 0, item: { id: 'x', type } },
        { type: `response.${type}.searching`, item_id: 'x' },
        over({ id: 'x', type }),
      ]),
      message,
      word('Hello'),
      completed(),
    ],
    { ...hello, calls: [] },
  ],
  [
    'reasoning that nobody has summed up',
    [
      { type: 'response.output_item.added', output_index: 0, item: { id: 'r', type: 'reasoning' } },
      {
        type: 'response.reasoning_text.delta',
        item_id: 'r',
        output_index: 0,
        content_index: 0,
        delta: 'Hm.',
      },
      over({ id: 'r', type: 'reasoning', content: [{ type: 'reasoning_text', text: 'Hm.' }] }),
      message,
      word('Hello'),
      completed(),
    ],
    { ...hello, reasoning: 'Hm.' },
  ],
  [
    'a call that only the end of the response has',
    [message, word('Hello'), outputOf(whole, { ...functionCall, id: 'f' })],
    { text: 'Hello', ...called(['add', { n: 1 }]) },
  ],
  [
    'a message that only the end of the response has',
    [message, word('Hel'), outputOf(content(said('Hel')), { ...content(said('lo')), id: 'j' })],
    hello,
  ],
  [
    'a part that only its end has',
    [
      message,
      { ...word('Hel'), content_index: 0 },
      { type: 'response.output_text.done', item_id: 'i', content_index: 1, text: 'lo' },
      over(content(said('Hel'), said('lo'))),
      completed(),
    ],
    hello,
  ],
  [
    'a part that only the end of its message has',
    [message, { ...word('Hel'), content_index: 0 }, over(content(said('Hel'), said('lo'))), completed()],
    hello,
  ],
  [
    'a piece that only the end of the response has',
    [message, word('Hel'), itemDone('message', 'i'), outputOf(whole)],
    hello,
  ],
  [
    'two parts whose pieces do not tell which, and again, not quite the same',
    [message, word('Hel'), word('lo'), over(content(said('Hel '), said('lo'))), completed()],
    hello,
  ],
  [
    'a message without places, again at the end of the response with another id',
    [
      itemDone('reasoning', 'r'),
      { ...word('Hello'), item_id: null, output_index: null },
      outputOf({ id: 'r', type: 'reasoning' }, { ...whole, id: 'k' }),
    ],
    hello,
  ],
  [
    'pieces with an id and no place',
    [
      { ...message, output_index: 1 },
      { ...word('Hello'), output_index: null },
      over(whole, 1),
      outputOf({ id: 'r', type: 'reasoning' }, whole),
    ],
    hello,
  ],
  [
    'places that are texts',
    [
      { ...message, output_index: '0' },
      { ...word('Hello'), output_index: '0' },
      { ...beginCall(1), output_index: '1' },
      { ...argumentsOf(1, '{"n":1}'), output_index: '1' },
      completed(),
    ],
    { text: 'Hello', ...called(['add', { n: 1 }]) },
  ],
  [
    'arguments before their call',
    [argumentsOf(0, '{"n":'), beginCall(0), argumentsOf(0, '1}'), over(beginCall(0).item), completed()],
    called(['add', { n: 1 }]),
  ],
  [
    'arguments, then the end of their call alone',
    [
      argumentsOf(0, '{"n":1}'),
      { type: 'response.function_call_arguments.done', item_id: 'f1', output_index: 1, arguments: '{"n":2}' },
      over(beginCall(0).item),
      over(beginCall(1).item, 1),
      completed(),
    ],
    two,
  ],
  [
    'calls that all have the same place, and again at the end of the response',
    [
      ...[0, 1].flatMap((n) => [
        { ...beginCall(n), output_index: 0 },
        { ...argumentsOf(n, `{"n":${n + 1}}`), output_index: 0 },
        over(beginCall(n).item),
      ]),
      outputOf(...[0, 1].map((n) => ({ ...beginCall(n).item, arguments: `{"n":${n + 1}}` }))),
    ],
    two,
  ],
  [
    'a call’s one id',
    [over({ ...functionCall, id: 'f', call_id: null }), completed()],
    called(['add', { n: 1 }]),
  ],
  ['a notice after the end', [message, word('Hello'), completed(), { detail: 'took 3 s' }], hello],
  ['another name of the end', [message, word('Hello'), { ...completed(), type: 'response.done' }], hello],
  [
    'other fields of a piece',
    [message, { ...word('Hello'), logprobs: [{ token: 'x' }] }, completed()],
    hello,
  ],
  [
    'null for what is absent',
    [
      created,
      message,
      word(null),
      word('Hello'),
      completed({ input_tokens: 11, output_tokens: 7, input_tokens_details: null }),
    ],
    { ...hello, ...usage(11, 7) },
  ],
  [
    'counts that are texts',
    [message, word('Hello'), completed({ input_tokens: '11', output_tokens: '7' })],
    usage(11, 7),
  ],
  [
    'one count',
    [message, word('Hello'), completed({ output_tokens: 7 })],
    usage(null, 7, { total_tokens: null }),
  ],
  ['text without what begins it', [word('Hel'), word('lo'), completed()], hello],
  [
    'texts without ids',
    [{ ...word('Hel'), item_id: null }, { ...word('lo'), item_id: null }, itemDone('message'), completed()],
    hello,
  ],
  [
    'another id in each event',
    [message, { ...word('Hello'), item_id: 'j' }, itemDone('message', 'k'), completed()],
    hello,
  ],
  [
    'reasoning without what begins it',
    [
      { type: 'response.reasoning_summary_text.delta', item_id: 'r', delta: 'Hm.' },
      { type: 'response.reasoning_summary_part.done', item_id: 'r', summary_index: 0 },
      itemDone('reasoning', 'r'),
      itemDone('reasoning', 's'),
      word('Hello'),
      completed(),
    ],
    { ...hello, reasoning: 'Hm.' },
  ],
  [
    'a call that is cut before its arguments',
    [
      { type: 'response.output_item.added', output_index: 0, item: { ...functionCall, arguments: '' } },
      { type: 'response.output_item.done', output_index: 0, item: { ...functionCall, arguments: '' } },
      { type: 'response.incomplete', response: { incomplete_details: { reason: 'max_output_tokens' } } },
    ],
    cut,
  ],
  [
    'a source of a new kind',
    [
      message,
      word('Hello'),
      { type: 'response.output_text.annotation.added', annotation: { type: 'mood' } },
      completed(),
    ],
    hello,
  ],
  [
    'null in a call',
    [
      { type: 'response.output_item.added', output_index: 0, item: functionCall },
      { type: 'response.output_item.done', output_index: 0, item: functionCall },
      completed(),
    ],
    called(['add', { n: 1 }]),
  ],
]

const candidate = (parts: unknown, more: object = {}) => ({
  candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP', ...more }],
})

const google: Events[] = [
  ['a part that is not in a list', [candidate({ text: 'Hello' })], hello],
  ['a text for the content', [{ candidates: [{ content: 'Hello', finishReason: 'STOP' }] }], hello],
  [
    'tools of Google’s own, and parts of a new kind',
    [
      candidate([
        { executableCode: { language: 'PYTHON', code: '1' } },
        { codeExecutionResult: { outcome: 'OUTCOME_OK', output: '1' } },
        { toolCall: { toolType: 'X', id: '1' } },
        { mood: 1 },
        { text: 'Hello' },
      ]),
    ],
    { ...hello, calls: [] },
  ],
  [
    'what is said of an answer, in any shape',
    [
      candidate([{ text: 'Hello' }], {
        safetyRatings: [{ category: 5 }],
        groundingMetadata: { webSearchQueries: 5 },
      }),
    ],
    hello,
  ],
  [
    'no counts',
    [{ ...candidate([{ text: 'Hello' }]), usageMetadata: {} }],
    usage(null, null, { total_tokens: null }),
  ],
  [
    'another name of the finish reason',
    [{ candidates: [{ content: { parts: [{ text: 'Hello' }] }, finish_reason: 'STOP' }] }],
    hello,
  ],
  [
    'a reason, then STOP',
    [candidate([{ text: 'Hel' }], { finishReason: 'MAX_TOKENS' }), candidate([{ text: 'lo' }])],
    { ...hello, finish: 'length' },
  ],
  [
    'null for a part',
    [
      candidate([null, { text: null }, { text: 'Hello', thought: null, thoughtSignature: null }], {
        safetyRatings: null,
      }),
    ],
    hello,
  ],
  [
    'counts that are texts',
    [
      {
        ...candidate([{ text: 'Hello' }]),
        usageMetadata: { promptTokenCount: '11', candidatesTokenCount: '7', promptTokensDetails: null },
      },
    ],
    usage(11, 7),
  ],
  ['a notice after the end', [candidate([{ text: 'Hello' }]), { detail: 'took 3 s' }], hello],
  ['a list of chunks', [[candidate([{ text: 'Hello' }])]], hello],
  [
    'null in arguments',
    [candidate([{ functionCall: { name: 'add', args: { n: null } } }])],
    called(['add', { n: null }]),
  ],
  [
    'a call that is cut before its arguments',
    [candidate([{ functionCall: { name: 'add' } }], { finishReason: 'MAX_TOKENS' })],
    cut,
  ],
]

const toRows = (table: Events[]): Row[] =>
  table.map(([what, steps, heard]) => [what, steps.map((step) => data(step)), heard])

/** Events whose names alone say what they are. */
const named = (steps: { type: string }[]): string[] =>
  steps.map(({ type, ...rest }) => `event: ${type}\n${data(rest)}`)

hearAll(t, 'anthropic', [
  ...toRows(anthropic),
  [
    'types in the events’ names',
    named([start, ...text(0), ...ended('end_turn')] as { type: string }[]),
    hello,
  ],
  [
    'null for the type that is in the event’s name',
    [
      `event: message_start\n${data({ ...start, type: null })}`,
      ...[...text(0), ...ended('end_turn')].map((step) => data(step)),
    ],
    { ...hello, ...usage(11, 7) },
  ],
])
hearAll(t, 'openai', [
  ...toRows(openai),
  ['types in the events’ names', named([message, word('Hello'), completed()]), hello],
])
hearAll(t, 'google', toRows(google))
