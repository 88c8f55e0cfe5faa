import t from 'tap'
import { createPrices } from '../../src/models/prices.js'
import { createAssistants } from '../../src/turns/assistants.js'
import { createNewTurn } from '../../src/turns/new-turn.js'
import type { SendMessage } from '../../src/turns/send.js'
import type { BeginTurn } from '../../src/turns/store/begin-turns.js'
import { limitRules } from '../helpers/app.js'
import { assistant } from '../helpers/assistants.js'

const price = (output: string) => ({ input: '0', output })
const prices = createPrices({ currency: 'USD', models: { cheap: price('1'), dear: price('5') } })
const { everybody: limits } = limitRules({ budgetPerDay: 1_000_000 })
const assistants = createAssistants({
  assistants: [assistant({ name: 'expert', models: ['dear'] })],
  model: { name: 'cheap' },
  systemPrompt: undefined,
})
const newTurn = createNewTurn({
  ...{ turnTimeoutMs: 1_000, busyWaitMs: 0, leaseMs: 1_000, historyMessages: 40, historyTokens: 1_000 },
  ...{ toolSteps: 8, toolCalls: 32, toolTimeoutMs: 1_000, maxOutputTokens: 100, systemPrompt: undefined },
  models: ['cheap', 'dear'],
  modelOf: (name) => ({ name, async *run() {} }),
  prices,
  assistants,
})
const message: SendMessage = {
  ...{ userId: 'alice', conversationId: undefined, message: 'hi', model: undefined, key: undefined },
  limits,
}
const reserved = (more: Partial<SendMessage>) => (newTurn({ ...message, ...more }) as BeginTurn).reserved

t.test('a turn reserves enough for whatever assistant its conversation turns out to have', async (t) => {
  t.equal(reserved({}), 100, 'a new conversation has none')
  t.equal(reserved({ assistant: 'expert' }), 500, 'or the one that is asked for')
  const conversationId = '019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e'
  t.equal(reserved({ conversationId }), 500, 'an old one may have any')
})
