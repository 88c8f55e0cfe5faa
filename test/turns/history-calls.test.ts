import t from 'tap'
import { estimateTokens, forHistory } from '../../src/turns/agent/history-window.js'
import { emptyAnswer } from '../../src/turns/events.js'
import { localTools } from '../helpers/local-tools.js'
import { appWith, calling, saying, sent } from '../helpers/tool-turns.js'

const long = 'é'.repeat(10_000)
const shortened = `${'é'.repeat(4_000)} … [shortened]`

t.test('long results are shortened once, when the turn is stored, and its message keeps them', async (t) => {
  const tools = localTools({ read: { work: () => long }, count: { work: () => 7 } })
  const app = await appWith(t, tools)
  app.provider.answer(calling(['a', 'read', '{}'], ['b', 'count', '{}']), saying('Read.'))
  const first = await app.chat('go')
  app.provider.answer(calling(['a', 'count', '{}']), saying('Seven.'))
  const { conversation_id } = first
  await app.chat('and?', { conversation_id })
  const stored = () =>
    app.db.asUser(
      'alice',
      (sql) => sql`
        select tool_calls, history_calls, window_tokens
        from colloquy.messages
        where role = 'assistant'
        order by position`,
    )
  const [one, two] = await stored()
  t.match(one?.tool_calls, [{ result: long }, { result: 7 }], 'the message keeps the long result')
  t.match(
    one?.history_calls,
    [
      { id: 'a', name: 'read', arguments: {}, result: shortened },
      { id: 'b', name: 'count', arguments: {}, result: 7 },
    ],
    'the history has it shortened',
  )
  t.match(two?.tool_calls, [{ result: 7 }], 'the message has its short result')
  t.equal(two?.history_calls, null, 'what is as it is stands once')

  // What is stored for the window is what it is made of: nothing is shortened, or counted, a second time.
  await app.db.asUser(
    'alice',
    (sql) => sql`
      update colloquy.messages
      set history_calls = jsonb_set(history_calls, '{0,result}', '"kept"')
      where history_calls is not null`,
  )
  app.provider.answer(saying('Yes.'))
  await app.chat('sure?', { conversation_id })
  const tool = sent(app, -1).filter(({ role }: { role: string }) => role === 'tool')
  t.match(tool, [{ content: 'kept' }, { content: '7' }, { content: '7' }], 'the stored results are sent')
})

t.test('a turn takes of the window what later turns are given of it', async (t) => {
  const call = { id: 'a', name: 'read', arguments: {}, duration_ms: 1 }
  const answer = { ...emptyAnswer(), text: 'Read.', tool_calls: [{ ...call, result: long }] }
  const { windowTokens, historyCalls } = forHistory({ historyTokens: 16_000 }, 'm', 'go', answer)
  const shown = [{ ...call, result: shortened }]
  t.same(historyCalls, shown, 'the long result is shortened')
  t.equal(windowTokens, estimateTokens(`goRead.${JSON.stringify(shown)}`), 'the short result is counted')
})
