import t, { type Test } from 'tap'
import { type ProviderName, providerNames, providers } from '../../src/models/providers.js'
import { type ProviderApp, providerApp } from '../helpers/provider-app.js'
import { chatCompletions, data, wires } from '../helpers/provider-wire.js'
import { events } from '../helpers/upstream.js'

/** How an answer of two words ended, for its reader: its finish reason, or the code of its failure. */
type Outcome = 'stop' | 'length' | 'other' | 'broken-off' | 'content-filtered' | 'context-exceeded'

/** Words that no dialect has in its table, and that every provider may come to say. */
const unknown: Partial<Record<Outcome, string[]>> = {
  stop: [
    'COMPLETE',
    'end_of_text',
    '<|im_end|>',
    'endTurn',
    'done',
    'natural',
    'content_block_stop',
    'end_block',
    'skill_done',
    'default_stop',
    'done_not_truncated',
    'stop_no_error',
    '</s>',
    'ok',
    'done_no_refusal',
    'stopped_by_eos',
  ],
  length: [
    'maxTokens',
    'token_limit',
    'MAX-NEW-TOKENS',
    'out_of_tokens',
    'max_tokens_exceeded',
    'stop_max',
    'too_long',
    'stopped_by_limit',
  ],
  'broken-off': [
    'aborted',
    'server_error',
    'timed_out',
    'USER_CANCELLED',
    'connection_lost',
    'worker_died',
    'stopped_by_user',
    'unfinished',
    'pause',
    'terminated',
    'not_finished',
    'in_progress',
    'bad_gateway',
    'lease_expired',
    'context_deadline_exceeded',
    'budget_exceeded',
    'engine_dead',
    'load_shed',
    'premature_end',
    'forced_stop',
    'unexpected_eof',
    'stopped_early',
    'stream_ended_early',
    'server_stop',
    'stop_by_client',
    'halt',
    'cut',
    'watchdog',
    'running',
    // No call has come.
    'tool_use',
  ],
  'content-filtered': [
    'GUARDRAIL_INTERVENED',
    'ERROR_TOXIC',
    'policy_violation',
    'contentFilter',
    'NSFW',
    'declined',
    'copyright',
    'content_blocked',
    'compliance',
    'dangerous_content',
  ],
  'context-exceeded': ['context_length_exceeded', 'prompt_too_long', 'kv_cache_full', 'request_too_large'],
  other: ['because', 'no_error', 'no_refusal', 'without_moderation'],
}

const rows: Record<ProviderName, Partial<Record<Outcome, (string | null)[]>>> = {
  'openai-compatible': {
    stop: ['stop', 'eos', 'eos_token', 'end_turn', 'stop_sequence', ''],
    length: ['length', 'max_tokens'],
    'broken-off': [
      'abort',
      'error',
      'network_error',
      'insufficient_system_resource',
      'tool_calls',
      'function_call',
      null,
      'null',
      'None',
    ],
    'content-filtered': ['content_filter', 'sensitive', 'refusal', 'SAFETY', 'RECITATION', 'BLOCKLIST'],
    'context-exceeded': ['model_length', 'model_context_window_exceeded'],
  },
  openai: {
    stop: [null],
    length: ['max_output_tokens'],
    'broken-off': ['', 'incomplete', 'failed', 'cancelled', 'error'],
    'content-filtered': ['content_filter'],
  },
  anthropic: {
    stop: ['end_turn', 'stop_sequence', ''],
    length: ['max_tokens'],
    'broken-off': ['pause_turn', 'compaction', null],
    'content-filtered': ['refusal'],
    'context-exceeded': ['model_context_window_exceeded'],
  },
  google: {
    stop: ['STOP', ''],
    length: ['MAX_TOKENS', 'CONTINUATION'],
    'broken-off': [
      'OTHER',
      'FINISH_REASON_UNSPECIFIED',
      'MALFORMED_FUNCTION_CALL',
      'MALFORMED_RESPONSE',
      'UNEXPECTED_TOOL_CALL',
      'TOO_MANY_TOOL_CALLS',
      'MISSING_THOUGHT_SIGNATURE',
      'IMAGE_OTHER',
      'NO_IMAGE',
      null,
    ],
    'content-filtered': [
      'SAFETY',
      'RECITATION',
      'LANGUAGE',
      'BLOCKLIST',
      'PROHIBITED_CONTENT',
      'SPII',
      'MODEL_ARMOR',
      'IMAGE_SAFETY',
      'IMAGE_PROHIBITED_CONTENT',
      'IMAGE_RECITATION',
    ],
  },
}

const isFailure = (outcome: string): boolean => /broken|filtered|exceeded/.test(outcome)

/** Sends a message, and gives what became of it and how often the provider was asked. */
const send = async ({ provider, call }: ProviderApp) => {
  const before = provider.requests.length
  const { status, body } = await call('POST', '/api/alice/chat', { body: { message: 'Hi' } })
  return { status, body, asked: provider.requests.length - before }
}

const check = async (t: Test, app: ProviderApp, pieces: string[], outcome: string, asked = 1) => {
  app.provider.answer(events(...pieces))
  const sent = await send(app)
  const failed = isFailure(outcome)
  t.match(
    { ...sent, body: { code: sent.body.code, finish_reason: sent.body.finish_reason } },
    failed
      ? { status: 502, body: { code: `model-${outcome}` }, asked }
      : { status: 200, body: { finish_reason: outcome }, asked },
    `${pieces.length} events: ${outcome}`,
  )
  if (!failed) t.equal(sent.body.response, 'Hello', 'with its text')
}

for (const name of providerNames) {
  t.test(`how an answer of ${name} ended`, async (t) => {
    const app = await providerApp(t, `${name}/m`)
    const wire = wires[name]
    const tested = new Set<string>()
    for (const table of [rows[name], unknown]) {
      for (const [outcome, reasons] of Object.entries(table)) {
        for (const reason of reasons) {
          tested.add(reason?.toLowerCase() ?? '')
          await t.test(`${reason === null ? 'none' : `"${reason}"`} is ${outcome}`, (t) =>
            check(t, app, wire.ended(reason, 'Hel', 'lo'), outcome),
          )
        }
      }
    }
    const missing = Object.keys(providers[name].dialect.finishReasons).filter((word) => !tested.has(word))
    t.same(missing, [], 'every row of its table is tested')

    await t.test('before the first word, only what broke off is asked again', async (t) => {
      await check(t, app, wire.ended('aborted'), 'broken-off', 3)
      await check(t, app, wire.ended('content_filter'), 'content-filtered')
      await check(t, app, wire.ended('context_window_exceeded'), 'context-exceeded')
      await check(t, app, wire.ended('pause_turn'), 'broken-off')
    })
    const length = rows[name].length?.[0] ?? null
    await t.test('a stream says so in its finish', async (t) => {
      app.provider.answer(events(...wire.ended(length, 'Hel', 'lo')))
      const stream = await app.stream('POST', '/api/alice/chat', { body: { message: 'Hi' } })
      t.match(
        (await stream.all()).slice(-2),
        [{ type: 'finish', finishReason: 'length' }, '[DONE]'],
        'the stream says so as well',
      )
    })
  })
}

t.test('a blank finish reason on every event is none', async (t) => {
  const piece = (content: string) => data({ choices: [{ index: 0, delta: { content }, finish_reason: '' }] })
  const compatible = await providerApp(t, 'openai-compatible/m')
  await check(t, compatible, [piece('Hel'), piece('lo')], 'broken-off')
  await check(t, compatible, [piece('Hel'), piece('lo'), chatCompletions.finish('length')], 'length')
  await check(t, compatible, [piece('Hel'), piece('lo'), chatCompletions.done], 'stop')
  const part = (text: string, finishReason: string) =>
    data({ candidates: [{ content: { role: 'model', parts: [{ text }] }, finishReason }] })
  const google = await providerApp(t, 'google/m')
  await check(t, google, [part('Hel', ''), part('lo', '')], 'broken-off')
  await check(t, google, [part('Hel', ''), part('lo', 'STOP')], 'stop')
  const none = 'FINISH_REASON_UNSPECIFIED'
  await check(t, google, [part('Hel', none), part('lo', 'STOP')], 'stop')
  await check(t, google, [part('Hel', none), part('lo', 'MAX_TOKENS')], 'length')
})

t.test('Google blocks a prompt', async (t) => {
  const app = await providerApp(t, 'google/m')
  for (const blockReason of ['SAFETY', 'OTHER', 'JAILBREAK']) {
    await check(t, app, [data({ promptFeedback: { blockReason } })], 'content-filtered')
  }
})
