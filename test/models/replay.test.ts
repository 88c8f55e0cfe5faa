import t from 'tap'
import type { Json } from '../helpers/app.js'
import { localTools } from '../helpers/local-tools.js'
import { appWith, calling, saying, sent } from '../helpers/tool-turns.js'

const found = () =>
  localTools({ find: { work: () => ({ title: 'milk', id: 7, tags: [{ name: 'dairy', at: 1 }] }) } })
const find = calling(['a', 'find', '{"title":"milk","id":7,"near":{"street":"Long","no":1}}'])

t.test('what a model was sent in a turn is the beginning of what it is sent in the next', async (t) => {
  const app = await appWith(t, found())
  app.provider.answer(find, saying('Found.'))
  const { conversation_id } = await app.chat('find milk')
  const before: Json[] = sent(app, -1)
  app.provider.answer(saying('Yes.'))
  await app.chat('sure?', { conversation_id })
  const after: Json[] = sent(app, -1)
  t.equal(
    JSON.stringify(after.slice(0, before.length)),
    JSON.stringify(before),
    'to the byte, the order of fields in arguments and results included',
  )
})

t.test(
  'calls are told in words when no tools are left: some providers refuse calls without tools',
  async (t) => {
    const tools: Parameters<typeof localTools>[0] = { find: { work: () => 'found' } }
    const app = await appWith(t, localTools(tools))
    app.provider.answer(find, saying('Found.'))
    const { conversation_id } = await app.chat('find milk')
    delete tools.find
    app.provider.answer(saying('Yes.'))
    await app.chat('sure?', { conversation_id })
    t.match(
      sent(app, -1),
      [
        { role: 'user' },
        { role: 'assistant', content: /find with[\s\S]*found[\s\S]*Found\.$/ },
        { role: 'user' },
      ],
      'the next request has no call',
    )
  },
)
