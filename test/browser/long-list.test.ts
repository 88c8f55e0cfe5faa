import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import t from 'tap'
import { packageRoot } from '../../src/root.js'
import { openInBrowser } from '../helpers/browser.js'
import { listen } from '../helpers/listen.js'

const root = fileURLToPath(packageRoot)

/** The list with 10,000 messages, as esbuild makes it for the page. */
const script = await build({
  absWorkingDir: root,
  entryPoints: ['test/web/long-list-page.tsx'],
  bundle: true,
  write: false,
  format: 'esm',
  jsx: 'automatic',
  jsxImportSource: 'preact',
})
const style = await build({
  absWorkingDir: root,
  entryPoints: ['src/web/long-list/long-list.css'],
  write: false,
})
const html = `<!doctype html><meta charset=utf-8><title>List</title><link rel=icon href="data:,">
<style>body{margin:0}.long-list{height:600px;width:500px;font:16px/24px sans-serif}${style.outputFiles[0]?.text}</style>
<script type=module>${script.outputFiles[0]?.text.replaceAll('</script', '<\\/script')}</script><body>`

/** What stands where in the visible part: the first message that is seen, and where its top is. */
const SEEN = `(() => {
  for (const row of document.querySelectorAll('.long-list-item')) {
    const { top, bottom } = row.getBoundingClientRect()
    if (bottom > 0) return { key: row.dataset.key, top: Math.round(top) }
  }
})()`
const REST = `(() => { const l = document.querySelector('.long-list'); return Math.round(l.scrollHeight - l.clientHeight - l.scrollTop) })()`
const COUNT = `document.querySelectorAll('*').length`

/** Two frames: what was asked for is drawn then. */
const drawn = (page: Page) =>
  page.evaluate(
    'new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve))))',
  )
const run = async (page: Page, code: string): Promise<unknown> => {
  const result = await page.evaluate(code)
  await drawn(page)
  return result
}
const wheel = async (page: Page, by: number) => {
  await page.mouse.wheel(0, by)
  await drawn(page)
}

t.test('a list of 10,000 messages', async (t) => {
  const server = createServer((_, reply) => reply.setHeader('content-type', 'text/html').end(html))
  const url = await listen(t, server)
  const { page, faults } = await openInBrowser(t, url)
  await page.waitForSelector('.long-list-item')
  await drawn(page)

  t.equal(await page.evaluate(REST), 0, 'it begins at its end')
  t.ok((await page.locator('[data-key=m9999]').count()) === 1, 'with the newest message')
  t.ok(Number(await page.evaluate(COUNT)) < 400, 'few of them are in the document')

  await run(page, 'growLast()')
  await run(page, 'growLast(); growLast()')
  t.equal(await page.evaluate(REST), 0, 'it stays at the end while an answer grows')
  await run(page, 'addNewer()')
  t.equal(await page.evaluate(REST), 0, 'and when a message is added')

  await page.mouse.move(250, 300)
  await wheel(page, -900)
  await page.waitForFunction('!isAtEnd()')
  await page.waitForTimeout(300)
  const away = await page.evaluate(SEEN)
  await run(page, 'growLast(); addNewer()')
  t.same(await page.evaluate(SEEN), away, 'who has scrolled up keeps the place')
  await run(page, 'addOlder(50)')
  t.same(await page.evaluate(SEEN), away, 'also when older messages are added above')

  t.equal(await run(page, 'goTo(3000)'), true, 'a message is gone to by its key')
  await page.waitForFunction(`document.activeElement?.dataset.key === 'm3000'`)
  await drawn(page)
  t.match(await page.evaluate(SEEN), { key: /m2999|m3000/ }, 'it is on top')
  const box = await page.locator('[data-key=m3000]').boundingBox()
  t.ok(box && box.y >= 0 && box.y < 40, 'and is seen from its beginning')
  t.equal(await run(page, 'goTo(-999)'), false, 'one that is not loaded is said to be none')

  await run(page, 'addOlder(200)')
  const stays = await page.locator('[data-key=m3000]').boundingBox()
  t.ok(box && stays && Math.abs(stays.y - box.y) < 2, 'it stays there when 200 older ones are added')

  await page.keyboard.press('PageDown')
  await page.waitForFunction(`document.activeElement?.dataset.key === 'm3001'`)
  await page.keyboard.press('PageUp')
  await page.keyboard.press('PageUp')
  await page.waitForFunction(`document.activeElement?.dataset.key === 'm2999'`)
  t.pass('Page Down and Page Up go from message to message')
  t.same(
    await page.evaluate(
      `(({ localName, ariaPosInSet, ariaSetSize, ariaLabel }) => [localName, ariaPosInSet, ariaSetSize, ariaLabel])(document.querySelector('[data-key=m3000]'))`,
    ),
    ['article', '13001', '20000', 'Message 3000'],
    'a screen reader knows which of how many it is',
  )
  await wheel(page, 6_000)
  t.equal(
    await page.evaluate('document.activeElement?.dataset.key'),
    'm2999',
    'what has the focus stays in the document',
  )

  // Through a part of the list as fast as a wheel goes.
  await page.evaluate(
    `window.tasks = []; new PerformanceObserver((list) => tasks.push(...list.getEntries().map((e) => Math.round(e.duration)))).observe({ type: 'longtask' })`,
  )
  let most = 0
  let isBlank = false
  for (let i = 0; i < 60; i += 1) {
    await wheel(page, 700)
    most = Math.max(most, Number(await page.evaluate(COUNT)))
    isBlank ||= (await page.evaluate(SEEN)) === undefined
  }
  const tasks = (await page.evaluate('tasks')) as number[]
  t.comment(
    `42,000 pixels in 60 steps: ${tasks.length} tasks of more than 50 ms (${tasks.join(', ')} ms), at most ${most} elements`,
  )
  t.ok(most < 500, 'the document stays small')
  t.notOk(isBlank, 'messages are seen at each step')
  t.ok(
    tasks.every((ms) => ms < 1_000),
    'and no step stops the page',
  )

  const before = await page.evaluate(SEEN)
  await wheel(page, -400)
  await wheel(page, 400)
  await page.waitForTimeout(300)
  t.same(await page.evaluate(SEEN), before, 'up and down again ends where it began')

  await run(page, `document.querySelector('.long-list').scrollTop = 0`)
  await drawn(page)
  t.ok(Number(await page.evaluate('asked()')) >= 1, 'older messages are asked for when the beginning is near')
  const first = await page.evaluate(SEEN)
  await run(page, 'addOlder(50)')
  t.same(await page.evaluate(SEEN), first, 'and push nothing away when they come')

  await run(page, 'goToEnd()')
  await drawn(page)
  t.equal(await page.evaluate(REST), 0, 'there is a way back to the end')
  t.equal(await page.evaluate('isAtEnd()'), true, 'and the list says that it is there')
  t.same(faults(), [], 'nothing failed')
})
