import t from 'tap'
import { branchingApp } from '../helpers/branches.js'
import { until } from '../helpers/models.js'

t.test('a model is given the summary of its own branch, and never that of another one', async (t) => {
  const app = await branchingApp(t, { compact: true, limits: { historyMessages: 4 } })
  const { send, list, patch, asked } = app
  const { body: first } = await send({ message: 'both' })
  const { conversation_id: id } = first
  const summaries = async () =>
    (await list(id, '?limit=100&branch=all')).filter(({ role }) => role === 'summary')
  /** Sends messages in order, and waits for the summary that the last one leads to. */
  const talk = async (texts: string[], sum: string) => {
    for (const message of texts) await send({ conversation_id: id, message })
    await until(async () => (await summaries()).some(({ content }) => content === sum))
  }
  await talk(['old2', 'old3', 'old4'], 'both+old2')
  await talk(['old5', 'old6'], 'both+old2+old3+old4')
  await send({ conversation_id: id, message: 'old7' })
  t.match(app.last(), /^\(both\+old2\+old3\+old4\) old5/, 'the old branch has a summary')
  const old = (await list(id)).at(-1)

  await send({ conversation_id: id, parent_id: first.message_id, message: 'new2' })
  t.equal(app.last(), 'both>A(both)#1 new2', 'a new branch has none of it')
  await talk(['new3', 'new4'], 'both+new2')
  await send({ conversation_id: id, message: 'new5' })
  t.match(app.last(), /^\(both\+new2/, 'and gets a summary of its own')
  const latest = (await list(id)).at(-1)

  await patch(id, { active_message_id: old.id })
  await send({ conversation_id: id, message: 'old8' })
  t.match(app.last(), /^\(both\+old2\+old3/, 'the old branch still has its own')
  const question = (await list(id)).find(({ content }) => content === 'old4')
  await send({ conversation_id: id, regenerate: question.id })
  t.match(
    app.last(),
    /^\(both\+old2\) old3>\S+ old4$/,
    'an earlier message has the summary of what came before it',
  )
  await patch(id, { active_message_id: latest.id })
  await send({ conversation_id: id, message: 'new6' })
  t.match(app.last(), /^\(both\+new2/, 'and the new one its own')

  const mixed = asked.filter((text) => /old/.test(text) && /new/.test(text))
  t.same(mixed, [], 'no request has anything of both branches')
  for (const summary of await summaries())
    t.notOk(/old/.test(summary.content) && /new/.test(summary.content), 'nor has a summary')
  const shown = (await list(id)).filter(({ role }) => role === 'summary')
  t.notOk(
    shown.some(({ content }) => /old/.test(content)),
    'a list of the branch has no summary of the other',
  )

  const { body: fork } = await app.call('POST', `/api/alice/conversations/${id}/fork`, {
    body: { message_id: latest.id },
  })
  await send({ conversation_id: fork.id, message: 'new9' })
  t.match(app.last(), /^\(both\+new2/, 'a fork takes the summary of its branch along')
  t.notMatch(app.last(), /old/, 'and nothing of the other')
  t.notOk(
    (await list(fork.id, '?limit=100&branch=all')).some(({ content }) => /old/.test(content)),
    'which it has no message of',
  )
})
