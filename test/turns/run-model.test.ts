import t from 'tap'
import { echo } from '../../src/models/echo.js'
import type { Model, ModelEvent, ModelRequest } from '../../src/models/model.js'
import { maxAnswerLength, runModel } from '../../src/turns/agent/run-model.js'
import { noTools } from '../../src/turns/agent/tool-loop.js'
import { emptyAnswer, reduce, type TurnEvent } from '../../src/turns/events.js'

const usage = {
  input_tokens: 1,
  output_tokens: 2,
  cached_input_tokens: 1,
  reasoning_tokens: 0,
  total_tokens: 3,
}
const finish: ModelEvent = { type: 'finish', usage }
const delta = (text: string): ModelEvent => ({ type: 'text-delta', delta: text })

const request = (signal = new AbortController().signal): ModelRequest => ({
  system: undefined,
  history: [],
  message: 'hi',
  signal,
})
const saying = (...events: ModelEvent[]): Model => ({
  name: 'scripted',
  async *run() {
    yield* events
  },
})

t.test('events add up to text, tool calls and usage', async (t) => {
  const ended = await runModel(
    saying(
      delta('ab😀'),
      { type: 'tool-call', id: '1', name: 'add', arguments: { task: 'milk' } },
      { type: 'tool-result', id: '1', result: ['ok'], duration_ms: 5 },
      { type: 'tool-call', id: '2', name: 'drop', arguments: {} },
      { type: 'tool-error', id: '2', error: 'no such task', duration_ms: 6 },
      delta('c'),
      finish,
    ),
    request(),
  )
  t.same(
    ended,
    {
      status: 'completed',
      model: 'scripted',
      error: null,
      answer: {
        text: 'ab😀c',
        tool_calls: [
          {
            id: '1',
            name: 'add',
            arguments: { task: 'milk' },
            result: ['ok'],
            duration_ms: 5,
            text_offset: 3,
          },
          { id: '2', name: 'drop', arguments: {}, error: 'no such task', duration_ms: 6, text_offset: 3 },
        ],
        reasoning: [],
        responses: [],
        usage,
        finish_reason: 'stop',
        counted: { units: 4, characters: 3 },
      },
    },
    'each call has its outcome, and the text is whole',
  )
})

t.test('what PostgreSQL could not store as it is, is replaced', async (t) => {
  const { answer } = await runModel(saying(delta('a\0b\ud800'), finish), request())
  t.equal(answer.text, 'a\ufffdb\ufffd', 'each such character is replaced')
})

t.test('an answer that is too long is cut off, and the turn has failed', async (t) => {
  const half = 'x'.repeat(maxAnswerLength / 2 + 1)
  const ended = await runModel(saying(delta(half), delta(half), finish), request())
  t.match(ended, { status: 'failed', error: { code: 'model-failed' } }, 'the turn fails')
  t.equal(ended.answer.text.length, maxAnswerLength, 'the text ends at the limit')
})

t.test('a model that ignores the signal is given up, and what it said is kept', async (t) => {
  const reasons = { timeout: ['failed', 'model-timeout'], shutdown: ['interrupted', 'turn-interrupted'] }
  for (const [reason, [status, code]] of Object.entries(reasons)) {
    const abort = new AbortController()
    const deaf: Model = {
      name: 'deaf',
      async *run() {
        yield delta('so far')
        queueMicrotask(() => abort.abort(reason))
        await new Promise(() => {})
      },
    }
    const ended = await runModel(deaf, request(abort.signal))
    t.match(ended, { status, error: { code }, answer: { text: 'so far' } }, `${reason}: the turn ends`)
  }
})

t.test('echo says the message, in pieces', async (t) => {
  for (const message of ['hi', ' two  words\n', '\t', '😀 é', 'x'.repeat(10_000)]) {
    const deltas: string[] = []
    for await (const event of echo().run({ ...request(), message })) {
      if (event.type === 'text-delta') deltas.push(event.delta)
    }
    t.ok(deltas.join('') === `Echo: ${message}`, `${JSON.stringify(message.slice(0, 9))} is said whole`)
  }
})

t.test('what a model says after the signal is not heard', async (t) => {
  const abort = new AbortController()
  let goOn = () => {}
  const more = new Promise<void>((resolve) => {
    goOn = resolve
  })
  let isOver = () => {}
  const over = new Promise<void>((resolve) => {
    isOver = resolve
  })
  const deaf: Model = {
    name: 'deaf',
    async *run() {
      try {
        yield delta('a')
        await more
        yield delta('b')
        yield finish
      } finally {
        isOver()
      }
    },
  }
  const heard: TurnEvent[] = []
  const ended = await runModel(deaf, request(abort.signal), (event) => {
    heard.push(event)
    abort.abort('cancel')
  })
  goOn()
  await over
  t.same(heard, [delta('a')], 'only what came before the signal is heard')
  t.match(ended, { status: 'cancelled', answer: { text: 'a' } }, 'the turn ends with what was heard')
})

t.test('of results that are there together, those after the signal are not heard', async (t) => {
  const abort = new AbortController()
  const call = (id: string): ModelEvent => ({ type: 'tool-call', id, name: 'look', arguments: {} })
  const model: Model = {
    ...saying(call('1'), call('2'), { ...finish, continuation: {} }),
    callsTools: true,
  }
  const look = { name: 'look', description: '', inputSchema: {}, readOnly: true, call: async () => 'seen' }
  const heard: TurnEvent[] = []
  const onEvent = (event: TurnEvent) => {
    heard.push(event)
    if (event.type === 'tool-result') abort.abort('cancel')
  }
  const toolbox = {
    ...noTools,
    open: async () => [look],
    toolSteps: 3,
    toolCalls: 5,
    toolTimeoutMs: 60_000,
  }
  const { status, answer } = await runModel(model, request(abort.signal), onEvent, toolbox)
  t.equal(status, 'cancelled', 'the turn ends')
  t.same(
    heard.map(({ type }) => type),
    ['tool-call', 'tool-call', 'tool-result', 'tool-error'],
    'the first result is heard, and the other call is cut off',
  )
  t.notOk('result' in (answer.tool_calls[1] ?? {}), 'and has no result')
})

t.test('counts of tokens are added up, as far as they are known and can be stored', async (t) => {
  const counts = [
    {
      input_tokens: 5,
      output_tokens: null,
      cached_input_tokens: null,
      reasoning_tokens: null,
      total_tokens: 2 ** 31 - 1,
    },
    {
      input_tokens: 7,
      output_tokens: 3,
      cached_input_tokens: null,
      reasoning_tokens: null,
      total_tokens: 2 ** 31 - 1,
    },
  ]
  const answer = emptyAnswer()
  for (const usage of counts) reduce(answer, { type: 'step', usage })
  t.same(
    answer.usage,
    {
      input_tokens: 12,
      output_tokens: 3,
      cached_input_tokens: null,
      reasoning_tokens: null,
      total_tokens: 2 ** 31 - 1,
    },
    'unknown counts stay unknown, and large ones stop at the limit',
  )
})
