import t from 'tap'
import { echo } from '../../src/models/echo.js'
import type { Model } from '../../src/models/model.js'
import { type Json, testApp } from '../helpers/app.js'
import { until } from '../helpers/models.js'
import { openPage, soon, stored, textsOf } from '../helpers/page.js'
import { transportOf } from '../helpers/transport.js'

/** Repeats the message, and sums up in three words. */
const model: Model = {
  name: 'echo',
  run: (request) => echo().run(request.system === undefined ? request : { ...request, message: 'so far so' }),
}

t.test('a page shows what was said, without the summaries of it', async (t) => {
  const app = await testApp(t, { model, compact: true, limits: { historyMessages: 4 } })
  const { conversation_id: conversationId } = await app.chat('m1')
  const say = (message: string) => app.chat(message, { conversation_id: conversationId })
  const transport = transportOf(app.url, { conversationId })
  await say('m2')
  await say('m3')
  const page = await openPage(t, app, {
    conversationId,
    async onLoaded() {
      await say('m4')
      const isSummedUp = async () => (await stored(app)).messages.some(({ role }: Json) => role === 'summary')
      await until(isSummedUp)
    },
  })
  await soon(() => page.current.messages.length === 8 && page.current.status === 'ready')
  const texts = [1, 2, 3, 4].flatMap((n) => [`m${n}`, `Echo: m${n}`])
  t.same(textsOf(page.current.messages), texts, 'the turn that ended meanwhile is shown, the summary is not')
  const loaded = await transport.loadMessages()
  t.same(textsOf(loaded), texts, 'a page that is loaded later shows the same')
  void page.current.sendMessage({ text: 'm5' })
  await soon(() => page.current.messages.length === 10 && page.current.status === 'ready')
  t.same(textsOf(page.current.messages).slice(-2), ['m5', 'Echo: m5'], 'the conversation goes on')
})
