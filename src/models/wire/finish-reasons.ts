import type { FinishReason } from '../model.js'
import { isLoggable, ModelError } from '../model-error.js'
import type { Dialect, Ending, Failure } from './dialect.js'

/**
 * The rule for a word that is not in its dialect's table: the first pattern that it matches. A word that matches none is
 * `other`: it counts as whole, and the answer says so, because a server's own word for "done" must not fail its every answer.
 */
const rule: readonly [RegExp, Ending][] = [
  [
    /filter|safe|polic(y|ies)|refus|declin|denied|blocked|blocklist|(?<!(^|_)(end|stop|last)_(of_)?)block(?!_(end|stop|done|finish|complet))|blacklist|denylist|prohibit|forbid|disallow|not_allowed|recitation|copyright|sensitive|moderat|guard|violat|violence|censor|toxic|harm(?!ony)|abus|sexual|nsfw|csam|profan|illegal|inappropriate|flagged|withheld|redact|pii|jailbreak|malicious|complian|offensive|dangerous|illicit|ethic|(^|_)(hate|risk)/,
    'filtered',
  ],
  [
    /context(?!_(cancel|deadline))|(^|_)ctx|window|model_(length|len)|(^|_)seq(uence)?_len|kv_cache|conversation_too_long|max_(prompt|input)|too_large|(prompt|input)_.*(long|length|limit|large)/,
    'too-long',
  ],
  [/pause|compaction/, 'paused'],
  [
    /abort|cancel|error|fail|(?<!de)fault|exception|network|time_?(d_)?(out|limit)|max_time|deadline|interrupt|disconnect|connection|insufficient|overload|unavailable|busy|quota|rate_limit|evict|preempt|shut_?down|(?<!s)kill|crash|memory|malformed|invalid|unexpected|too_many|missing|lost|reset|broke|incomplete|unfinish|partial|reject|(^|_)cut(_|$|_?off)|early|halt|watchdog|died|dropped|discard|expire|terminat(?!or)|stall|hang_?up|hung_up|gone|offline|unreach|gateway|internal|throttl|capacity|(?<!(tokens?|length|limit)_)exceed|unauthori|unsupported|corrupt|garbage|repetit|(^|_)loop|panic|segfault|sigterm|(^|_)(dead|drain|shed|restart|eof|nan|stuck|degenerate|premature|force|suspend|supersed|stale|roll_?back|retry|unhealthy|unload|migrat|maintenance|bad_request|resource)|requires_action|in_progress|running|queued|pending|closed|(^|_)(not|never)_|(^|_)oom(_|$)|(^|_)server_|(^|_)by_(?!eo|stop|end|len|limit|max|token|model)|user_(stop|request|abort)/,
    'broken-off',
  ],
  [/length|limit|too_long|truncat|(^|_)max|exhaust|out_of_tokens|budget/, 'length'],
  [/tool|function/, 'tool-calls'],
  [
    /(^|_)(stop|stopped|end|ended|eos|eot|eom|endoftext|eod|ok|s|done|completed?|finish|finished|success|natural|normal)(_|$)/,
    'stop',
  ],
]

/** `maxTokens`, `MAX-TOKENS` and `max_tokens` are one word. */
const toWord = (reason: string): string =>
  reason
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replace(/[^a-z0-9]+/gi, '_')
    .toLowerCase()

/** What did not happen, such as in `no_error` or `done_not_truncated`. */
const negations =
  /(^|_)(no|not|none|without)_(error|fail|fault|exception|truncat|cut|abort|cancel|interrupt|filter|refus|moderat|block|limit|timeout)[a-z]*(_off)?(?=_|$)/g

interface Finish {
  /** the SDK's reading of the reason */
  finishReason: string
  /** the provider's word */
  rawFinishReason: string | undefined
}

/** What a finish reason means in a dialect. */
export const endingOf = (
  { finishReasons }: Pick<Dialect, 'finishReasons'>,
  { finishReason, rawFinishReason }: Finish,
): Ending => {
  // The SDK sees refusals that have no finish reason of their own.
  if (finishReason === 'content-filter') return 'filtered'
  if (rawFinishReason === undefined) {
    // OpenAI's Responses API gives complete responses no reason.
    return finishReason === 'stop' || finishReason === 'tool-calls' ? finishReason : 'broken-off'
  }
  const word = toWord(rawFinishReason)
  const known = Object.hasOwn(finishReasons, word) ? finishReasons[word] : undefined
  if (known) return known
  const happened = word.replace(negations, '')
  return rule.find(([pattern]) => pattern.test(happened))?.[1] ?? 'other'
}

const failures: Record<Failure, (reason: string) => ModelError> = {
  'broken-off': (reason) =>
    new ModelError('model-broken-off', `the provider broke the response off (${reason})`, {
      isRetryable: true,
    }),
  filtered: (reason) =>
    new ModelError('model-content-filtered', `the content filter stopped the response (${reason})`),
  'too-long': (reason) =>
    new ModelError('model-context-exceeded', `the model's context window is full (${reason})`),
  // The same request would pause at the same place.
  paused: (reason) => new ModelError('model-broken-off', `the provider paused the response (${reason})`),
}

const isFailure = (ending: Ending): ending is Failure => Object.hasOwn(failures, ending)

/** Returns the finish reason of a usable answer, and throws a ModelError when the response is none. */
export const toFinishReason = (
  dialect: Dialect,
  finish: Finish,
  { hasText, hasCalls }: { hasText: boolean; hasCalls: boolean },
  secret: string | undefined,
): FinishReason => {
  const told = endingOf(dialect, finish)
  // The calls that it tells of have not come.
  const ending = told === 'tool-calls' && !hasCalls ? 'broken-off' : told
  const { rawFinishReason: raw } = finish
  const reason = raw !== undefined && isLoggable(raw, secret) ? raw : 'no finish reason'
  if (isFailure(ending)) throw failures[ending](reason)
  if (!hasText && !hasCalls)
    throw new ModelError('model-empty-answer', `the response has no text (${reason})`)
  return ending
}
