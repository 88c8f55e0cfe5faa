import t from 'tap'
import { converse, type PrefixScenario, prefixTools } from '../../scripts/bench/prefix-conversation.js'
import { prefixShare, promptOf, slidingRequests } from '../../scripts/bench/prefix-share.js'
import { testDatabase } from '../helpers/database.js'

const defaults = { turns: 100, historyMessages: 40, historyTokens: 16_000 }
const systemPrompt = 'You help with the tasks of the user who writes to you. '.repeat(10)
const scenarios: Record<string, PrefixScenario> = {
  'the defaults': defaults,
  'a system prompt and tools': { ...defaults, systemPrompt, tools: prefixTools() },
  'a short window': { ...defaults, historyTokens: 6_000, systemPrompt, tools: prefixTools() },
}

for (const [what, scenario] of Object.entries(scenarios)) {
  t.test(`most of a prompt is a prefix of the prompt before: ${what}`, async (t) => {
    const { url } = await testDatabase(t)
    const requests = await converse(url, scenario)
    const share = prefixShare(requests.map(promptOf))
    const sliding = prefixShare(slidingRequests(requests, scenario).map(promptOf))
    t.comment(`${(100 * share).toFixed(1)} %, with a sliding window ${(100 * sliding).toFixed(1)} %`)
    t.ok(requests.length >= 100, 'each turn has asked the model')
    t.ok(share >= 0.85, `${(100 * share).toFixed(1)} % of the bytes are what the provider was sent before`)
    t.ok(sliding < 0.6, 'a window that slides by a turn shares little')
  })
}

t.test('the share counts the bytes that a request has in common with the one before', async (t) => {
  t.equal(prefixShare(['abcd', 'abcdef', 'abx']), 6 / 13, 'up to the first that differs')
  t.equal(prefixShare(['é', 'è']), 1 / 4, 'in bytes')
})
