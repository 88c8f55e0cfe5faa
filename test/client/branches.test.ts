import t from 'tap'
import { branchingApp } from '../helpers/branches.js'
import { openPage, stored, textsOf } from '../helpers/page.js'

t.test(
  'regenerate() and an edited message make branches, which the page shows and a reload finds',
  async (t) => {
    const app = await branchingApp(t)
    const page = await openPage(t, app)
    await page.current.sendMessage({ text: 'a' })
    await page.current.sendMessage({ text: 'b' })
    await page.rendered()

    await page.current.regenerate()
    await page.rendered()
    t.same(
      textsOf(page.current.messages),
      ['a', 'A(a)#1', 'b', 'A(b)#3'],
      'another answer takes the place of the last',
    )
    await page.current.sendMessage({ text: 'c' })
    t.equal(app.last(), 'a>A(a)#1 b>A(b)#3 c', 'the next message follows the new answer')
    await page.rendered()

    const [question] = page.current.messages.filter(({ role }) => role === 'user').slice(1)
    await page.current.sendMessage({ text: 'B', messageId: question?.id ?? '' })
    await page.rendered()
    t.same(
      textsOf(page.current.messages),
      ['a', 'A(a)#1', 'B', 'A(B)#5'],
      'an edited message and its answer take the place of the rest',
    )
    t.equal(app.last(), 'a>A(a)#1 B', 'its model is told what came before it alone')
    await page.current.sendMessage({ text: 'BB', messageId: question?.id ?? '' })
    await page.rendered()
    t.same(textsOf(page.current.messages), ['a', 'A(a)#1', 'BB', 'A(BB)#6'], 'it can be edited again')
    await page.current.regenerate()
    await page.rendered()
    t.same(textsOf(page.current.messages), ['a', 'A(a)#1', 'BB', 'A(BB)#7'], 'and answered again')
    await page.current.regenerate({ messageId: page.current.messages[1]?.id ?? '' })
    await page.rendered()
    t.same(textsOf(page.current.messages), ['a', 'A(a)#8'], 'so can any answer')

    const { count, id: conversationId } = await stored(app)
    t.equal(count, 1, 'all in one conversation')
    const reloaded = await openPage(t, app, { conversationId })
    t.same(textsOf(reloaded.current.messages), ['a', 'A(a)#8'], 'a reload shows the active branch')
    await reloaded.current.sendMessage({ text: 'z', messageId: reloaded.current.messages[0]?.id ?? '' })
    await reloaded.rendered()
    t.same(textsOf(reloaded.current.messages), ['z', 'A(z)#9'], 'a loaded message can be edited')
    t.equal(app.last(), 'z', 'the first of all begins anew')
    await reloaded.current.regenerate()
    await reloaded.rendered()
    t.same(textsOf(reloaded.current.messages), ['z', 'A(z)#10'], 'and be answered again')
  },
)

t.test('what failed is tried again as the same turn, and not as a branch', async (t) => {
  const app = await branchingApp(t)
  const page = await openPage(t, app)
  await page.current.sendMessage({ text: 'a' })
  await page.current.sendMessage({ text: 'b' })
  await page.rendered()
  const edited = page.current.messages[2]?.id ?? ''
  await page.current.sendMessage({ text: 'fail', messageId: edited })
  await page.rendered()
  t.equal(page.current.status, 'error', 'an edited message fails')
  await page.current.regenerate()
  await page.rendered()
  t.same(app.asked.slice(-2), ['a>A(a)#1 fail', 'a>A(a)#1 fail'], 'it is asked again')
  const { id: conversationId } = await stored(app)
  t.equal((await app.list(conversationId, '?branch=all')).length, 6, 'as the same turn')
  await page.current.sendMessage({ text: 'B', messageId: edited })
  await page.rendered()
  t.same(textsOf(page.current.messages), ['a', 'A(a)#1', 'B', 'A(B)#5'], 'and can be edited')
})
