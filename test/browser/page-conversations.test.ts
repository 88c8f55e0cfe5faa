import { readFile } from 'node:fs/promises'
import t from 'tap'
import { openChatPage } from '../helpers/chat-page.js'
import { gated } from '../helpers/scenes.js'

t.test('conversations on the chat page', async (t) => {
  const { page, context, scenes, begin, send, answered, checked, faults, call, url } = await openChatPage(t)
  const rows = page.locator('.row-title')
  const more = (title: string) => page.getByRole('button', { name: `More about ${title}`, exact: true })
  const choose = (item: string, on = page) => on.getByRole('menuitem', { name: item, exact: true }).click()
  const converse = async (text: string) => {
    await begin()
    await send(text)
    await answered(`You said: ${text}`)
  }

  await t.test('a conversation is renamed, pinned and archived', async (t) => {
    await converse('Old name')
    await more('Old name').click()
    await checked('menu')
    await choose('Rename')
    await page.getByLabel('Title').fill('New name')
    await checked('rename')
    await page.getByLabel('Title').press('Enter')
    await rows.getByText('New name').waitFor()
    t.equal(await page.locator('.thread-title').innerText(), 'New name', 'its header has the name, too')
    await converse('Newer one')
    t.same(await rows.allInnerTexts(), ['Newer one', 'New name'], 'the newest is first')
    await page.getByRole('link', { name: 'New name' }).hover()
    await more('New name').click()
    await choose('Pin')
    await page.locator('.rows > li').first().getByText('New name').waitFor()
    await more('New name').click()
    await choose('Archive')
    await rows.getByText('New name').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Archive' }).click()
    await rows.getByText('New name').waitFor()
    t.same(await rows.allInnerTexts(), ['New name'], 'the archive has it alone')
    await checked('archive')
    await page.getByRole('button', { name: 'Back to your conversations' }).click()
  })

  await t.test('a conversation is exported, and all of them', async (t) => {
    const downloads = async (click: () => Promise<void>) => {
      const [download] = await Promise.all([page.waitForEvent('download'), click()])
      return [download.suggestedFilename(), await readFile((await download.path()) ?? '', 'utf8')] as const
    }
    await page.getByRole('button', { name: 'More about this conversation' }).click()
    const [name, text] = await downloads(() => choose('Export'))
    t.equal(name, 'Newer one.md', 'the file has the conversation’s name')
    t.match(text, /You said: Newer one/, 'and its text')
    const [, all] = await downloads(() => page.getByRole('button', { name: 'Export everything' }).click())
    const lines = all
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    t.equal(lines.at(-1).type, 'end', 'the export is whole')
    t.equal(lines.filter(({ type }) => type === 'conversation').length, 2, 'with both conversations')
  })

  await t.test('a search marks what it finds, and leads to the message', async (t) => {
    await converse('Where is the 🐘 elephant of the archive?')
    await page.getByLabel('Search your conversations').fill('elephant')
    await page.locator('mark').first().waitFor()
    await checked('search')
    t.same(
      new Set(await page.locator('mark').allInnerTexts()),
      new Set(['elephant']),
      'the very word is marked',
    )
    await converse('Something else')
    await page.getByLabel('Search your conversations').fill('elephant')
    await page.locator('.result', { hasText: 'Answer' }).click()
    await answered('You said: Where is the')
    await page.getByLabel('Search your conversations').fill('no such words')
    await page.getByText('Nothing was found.').waitFor()
    await page.getByLabel('Search your conversations').press('Escape')
    await rows.first().waitFor()
  })

  await t.test('a long conversation is shown from its end, and to a message far back', async (t) => {
    const message = (n: number) => ({
      uuid: `m${n}`,
      sender: n % 2 === 1 ? 'human' : 'assistant',
      text:
        n === 8_001 ? 'The quokka is far back.' : `Message ${n}. ${'Words and more words. '.repeat(n % 9)}`,
      created_at: new Date(Date.UTC(2026, 0, 1, 0, 0, n)).toISOString(),
    })
    const chat_messages = Array.from({ length: 10_000 }, (_, n) => message(n + 1))
    const body = [{ uuid: 'c1', name: 'A long one', created_at: chat_messages[0]?.created_at, chat_messages }]
    const { status } = await call('POST', '/api/demo/import', { user: 'demo', body })
    t.equal(status, 200, 'it is imported')
    await rows.getByText('A long one').click()
    await page.getByText('Message 10000.').waitFor()
    const cdp = await context.newCDPSession(page)
    /** What the browser holds once nothing is left to be collected. */
    const held = async () => {
      await cdp.send('HeapProfiler.collectGarbage')
      const { metrics } = await cdp.send('Performance.getMetrics')
      const of = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN
      return { nodes: of('Nodes'), megabytes: of('JSHeapUsedSize') / 1e6 }
    }
    await cdp.send('Performance.enable')
    const elements = async () => Number(await page.evaluate(`document.querySelectorAll('*').length`))
    const first = await held()
    t.ok((await elements()) < 1_500, 'only what is seen is in the document')

    await page.evaluate(
      `window.longTasks = []; new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((e) => Math.round(e.duration)))).observe({ type: 'longtask' })`,
    )
    const began = performance.now()
    await page.getByLabel('Search your conversations').fill('quokka')
    await page.locator('.result').first().click()
    const found = page.locator('.question', { hasText: 'The quokka is far back.' })
    await found.waitFor()
    const ms = Math.round(performance.now() - began)
    const tasks = (await page.evaluate('longTasks')) as number[]
    const all = await held()
    t.comment(
      `2,000 of 10,000 messages are read after ${ms} ms, with ${tasks.length} tasks of more than 50 ms, the longest ${Math.max(0, ...tasks)} ms;`,
      `${first.megabytes.toFixed(1)} MB, then ${all.megabytes.toFixed(1)} MB; ${first.nodes} nodes, then ${all.nodes}`,
    )
    t.ok((await elements()) < 1_500, 'also when much of it is loaded')
    t.ok(all.nodes < 3 * first.nodes, 'nothing that was shown on the way is kept')
    t.ok(all.megabytes < 100, 'and the messages take little memory')
    await checked('long')

    await page.getByLabel('Search your conversations').fill('')
    await rows.first().waitFor()
    const place = async () => Math.round((await found.boundingBox())?.y ?? Number.NaN)
    const before = await place()
    const [, conversation_id] = /#\/([\da-f-]{36})/.exec(page.url()) ?? []
    const reads = page.waitForResponse((response) => /messages\?/.test(response.url()))
    await call('POST', '/api/demo/chat', { user: 'demo', body: { conversation_id, message: 'One more' } })
    await reads
    await rows.first().getByText('A long one').waitFor()
    t.equal(await place(), before, 'who reads far back keeps the place when a message comes')
    await page.getByRole('button', { name: 'Go to the newest message' }).click()
    await page.getByText('You said: One more').waitFor()
  })

  await t.test('two tabs stay in step: what is done in one is seen in the other', async (t) => {
    await converse('Seen by both')
    const second = await context.newPage()
    await second.goto(page.url())
    await answered('You said: Seen by both', second)
    const { scene, open } = gated('Words for both', ' tabs.')
    scenes.on('Both', scene)
    await send('Both of you, look')
    await second.locator('.answer', { hasText: 'Words for both' }).waitFor()
    t.equal(await second.locator('.question').count(), 2, 'the other tab shows the message')
    await second.getByRole('button', { name: 'Stop the answer' }).waitFor()
    open()
    await answered('Words for both tabs.', second)
    await answered('Words for both tabs.')
    await second.getByRole('button', { name: 'More about this conversation' }).click()
    await choose('Rename', second)
    await second.getByLabel('Title').fill('By the second')
    const start = performance.now()
    await second.getByLabel('Title').press('Enter')
    await rows.getByText('By the second').waitFor()
    const ms = Math.round(performance.now() - start)
    t.comment(`a rename was seen in the other tab after ${ms} ms`)
    t.equal(await page.locator('.thread-title').innerText(), 'By the second', 'in the header as well')

    const requests: string[] = []
    page.on('request', (request) => requests.push(request.url()))
    await second.getByRole('button', { name: 'More about this conversation' }).click()
    await choose('Delete', second)
    await checked('delete', second)
    await second.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByText('This conversation was deleted elsewhere.').waitFor()
    t.equal(await rows.getByText('By the second').count(), 0, 'it has gone from the list')
    await second.close()
  })

  await t.test('a device that has no conversation open sees its list change', async (_t) => {
    const device = await page.context().browser()?.newContext()
    const phone = await device?.newPage()
    if (!phone) throw new Error('there is no second device')
    await phone.goto(`${url}/`)
    await phone.getByLabel('Your message').waitFor()
    await phone.locator('.row-title').first().waitFor()
    await call('POST', '/api/demo/chat', { user: 'demo', body: { message: 'From a program' } })
    await phone.locator('.row-title').getByText('From a program').waitFor()
    await rows.getByText('From a program').waitFor()
    await device?.close()
  })

  // What is deleted elsewhere may be asked for in that moment.
  const isMeant = (fault: string) => /status of 404/.test(fault)
  t.same(
    faults().filter((fault) => !isMeant(fault)),
    [],
    'nothing failed in the page, and nothing left this machine',
  )
})
