import type { Bench, Part } from './part.js'
import { converse, type PrefixScenario, prefixTools } from './prefix-conversation.js'
import { prefixShare, promptOf, slidingRequests } from './prefix-share.js'

const wanted = 0.85
const systemPrompt = 'You help with the tasks of the user who writes to you. '.repeat(10)
const defaults = { turns: 100, historyMessages: 40, historyTokens: 16_000 }

/** The last one has a window of so few turns that the new ones are a large part of each request. */
const scenarios: { what: string; isWanted: boolean; scenario: PrefixScenario }[] = [
  { what: 'defaults', isWanted: true, scenario: defaults },
  {
    what: 'system prompt and tools',
    isWanted: true,
    scenario: { ...defaults, systemPrompt, tools: prefixTools() },
  },
  {
    what: '6,000 tokens',
    isWanted: true,
    scenario: { ...defaults, historyTokens: 6_000, systemPrompt, tools: prefixTools() },
  },
  {
    what: '2,000 tokens',
    isWanted: false,
    scenario: { ...defaults, historyTokens: 2_000, systemPrompt, tools: prefixTools() },
  },
]

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** Measures how much of each request its provider has been sent before, which is what prompt caches save. */
const run = async (bench: Bench) => {
  const rows = []
  const targets = []
  for (const { what, isWanted, scenario } of scenarios) {
    bench.progress(what)
    const requests = await converse(await bench.database(), scenario)
    const share = prefixShare(requests.map(promptOf))
    const raw = prefixShare(requests.map(({ text }) => text))
    const before = prefixShare(slidingRequests(requests, scenario).map(promptOf))
    rows.push([what, requests.length, percent(share), percent(raw), percent(before)])
    if (!isWanted) continue
    targets.push({
      what,
      wanted: `at least ${percent(wanted)}`,
      measured: percent(share),
      isMet: share >= wanted,
    })
  }
  return {
    tables: [
      {
        title: '100 turns of one conversation: the share of bytes that are a prefix of the request before',
        columns: ['window', 'requests', 'prompt', 'body as sent', 'prompt, sliding window'],
        rows,
        notes: [
          'The prompt is the request as providers read it: tools, system prompt, messages. In its JSON the tools come last, so the body as sent shares less. A sliding window holds the newest turns that fit, as Colloquy had it before; it is computed from the same turns.',
        ],
      },
    ],
    targets,
  }
}

export const prefix: Part = { name: 'prefix', run }
