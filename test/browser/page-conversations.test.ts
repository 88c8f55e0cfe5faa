import { readFile } from 'node:fs/promises'
import t from 'tap'
import { openChatPage } from '../helpers/chat-page.js'
import { gated } from '../helpers/scenes.js'

t.test('conversations on the chat page', async (t) => {
  const { page, context, scenes, begin, send, answered, picture, faults, call, url } = await openChatPage(t)
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
    await picture('menu')
    await choose('Rename')
    await page.getByLabel('Title').fill('New name')
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
    await picture('search')
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
        n === 7 ? 'The quokka is message seven.' : `Message ${n}. ${'Words and more words. '.repeat(n % 9)}`,
      created_at: new Date(Date.UTC(2026, 0, 1, 0, 0, n)).toISOString(),
    })
    const chat_messages = Array.from({ length: 2_000 }, (_, n) => message(n + 1))
    const body = [{ uuid: 'c1', name: 'A long one', created_at: chat_messages[0]?.created_at, chat_messages }]
    const { status } = await call('POST', '/api/demo/import', { user: 'demo', body })
    t.equal(status, 200, 'it is imported')
    await rows.getByText('A long one').click()
    await page.getByText('Message 2000.').waitFor()
    const count = () => page.getByRole('article').count()
    t.ok((await count()) < 60, 'only what is seen is in the document')
    await page.getByLabel('Search your conversations').fill('quokka')
    await page.locator('.result').first().click()
    await page.locator('.question', { hasText: 'The quokka is message seven.' }).waitFor()
    t.ok((await count()) < 60, 'also when all of it is loaded')
    await picture('long')
    await page.getByRole('button', { name: 'Go to the newest message' }).click()
    await page.getByText('Message 2000.').waitFor()
    await page.getByLabel('Search your conversations').fill('')
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
