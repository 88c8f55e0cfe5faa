import type { Page } from 'playwright-core'
import t from 'tap'
import { readGuides } from '../../src/docs/guides.js'
import { packageRoot } from '../../src/root.js'
import { testApp } from '../helpers/app.js'
import { findBarriers } from '../helpers/axe.js'
import { openInBrowser } from '../helpers/browser.js'

const pictures = new URL('test/screenshots/', packageRoot)

/** How wide a page is, beyond what is seen of it. */
const overflow = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')

const colors = (page: Page): Promise<{ background: string; color: string }> =>
  page.evaluate(
    `(({ backgroundColor: background, color }) => ({ background, color }))(getComputedStyle(document.body))`,
  )

const brightness = (color: string): number =>
  Math.max(...[...color.matchAll(/[\d.]+/g)].slice(0, 3).map(([value]) => Number(value)))

t.test('the guides read well on a desk and on a phone, in light and in dark', async (t) => {
  const { url } = await testApp(t)
  const { page, faults } = await openInBrowser(t, `${url}/docs`)
  const guides = page.getByRole('link', { name: /^Guides/ })
  await guides.waitFor()
  const link = await page.evaluate(`document.querySelector('a[href="docs/guides"]').href`)
  t.equal(link, `${url}/docs/guides`, 'the reference links the guides')

  await page.goto(`${url}/docs/guides`)
  const list = page.getByRole('navigation', { name: 'Guides' })
  await page.setViewportSize({ width: 1280, height: 800 })
  await list.getByRole('link', { name: 'Models' }).click()
  t.match(page.url(), /\/docs\/guides\/models$/, 'a guide is chosen from the list beside')
  await list.getByRole('link', { name: 'Fallback' }).click()
  const top = await page.evaluate(`document.querySelector('#fallback').getBoundingClientRect().top`)
  t.ok(Number(top) >= 0 && Number(top) < 800, `a heading is reached: ${top}`)

  await page.setViewportSize({ width: 360, height: 700 })
  t.notOk(await list.isVisible(), 'on a phone the list is folded')
  await page.getByRole('button', { name: 'Guides' }).click()
  t.ok(await list.isVisible(), 'and opens')
  await list.getByRole('link', { name: 'Deployment' }).click()
  await page.waitForURL(/deployment$/)
  t.equal(await overflow(page), 0, 'nothing is wider than the phone')

  for (const { slug } of await readGuides()) {
    await page.goto(`${url}/docs/guides/${slug}`)
    t.equal(await overflow(page), 0, `${slug}: nothing is wider than a phone`)
    t.same(await findBarriers(page), [], `${slug}: axe-core finds nothing`)
  }

  for (const scheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: scheme })
    for (const [slug, count] of [
      ['streaming', 1],
      ['the-turn-engine', 2],
    ] as const) {
      await page.goto(`${url}/docs/guides/${slug}`)
      const widths = await page.evaluate(
        `Promise.all([...document.images].map(async (image) => (await image.decode(), image.naturalWidth)))`,
      )
      t.equal(
        (widths as number[]).filter((width) => width > 200).length,
        count,
        `${slug}: its diagrams are drawn`,
      )
      await page.locator('figure').first().scrollIntoViewIfNeeded()
      await page.screenshot({ path: new URL(`${slug}-${scheme}.png`, pictures).pathname })
    }
    const { background, color } = await colors(page)
    const isDark = brightness(background) < brightness(color)
    t.equal(isDark, scheme === 'dark', `${scheme}: ${color} on ${background}`)
  }
  await page.getByText('As text').first().click()
  t.match(await page.locator('figure pre').first().innerText(), /stateDiagram/, 'and may be read as text')
  await page.goto(`${url}/docs`)
  t.ok(
    await page.evaluate(`document.documentElement.classList.contains('dark-mode')`),
    'the reference is dark, too',
  )
  t.same(faults(), [], 'nothing failed in the pages, and nothing left this machine')
})
