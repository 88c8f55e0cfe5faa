import t from 'tap'
import { openChatPage } from '../helpers/chat-page.js'
import { gated, say } from '../helpers/scenes.js'
import { until } from '../helpers/wait.js'

const arabic = `مرحبا **بالعالم**

1. واحد
2. اثنان

> اقتباس

| الاسم | العدد |
|---|---|
| تفاح | 12 |

\`\`\`js
const code = 'left to right'
\`\`\`
`

t.test('the chat page for those without a mouse, on a phone, and from right to left', async (t) => {
  const app = await openChatPage(t)
  const { page, context, scenes, begin, send, answered, checked, faults, url } = app
  const field = page.getByLabel('Your message')
  const named =
    'document.activeElement?.id || document.activeElement?.ariaLabel || document.activeElement?.localName'
  const isFocused = (name: string, on = page) =>
    until(async () => (await on.evaluate(named)) === name, `the focus to be on ${name}`)
  const press = async (name: string) => {
    const button = page.getByRole('button', { name, exact: true }).first()
    await button.focus()
    await button.press('Enter')
  }

  await t.test('the focus is never lost with the button that had it', async (t) => {
    await begin()
    await press('Hide the list')
    await isFocused('show-list')
    await press('Show the list')
    await isFocused('hide-list')
    const { scene } = gated('Until', ' …')
    scenes.on('Halt', scene)
    await field.fill('Halt')
    await press('Send')
    await isFocused('composer')
    await page.locator('.answer', { hasText: 'Until' }).waitFor()
    await press('Stop the answer')
    await isFocused('composer')
    await page.getByText('You stopped this answer.').waitFor()
    await press('Edit')
    await isFocused('Edit your message')
    await page.keyboard.press('Escape')
    await isFocused('composer')
    scenes.on('Halt', () => say('Now the whole of it.'))
    await press('Another answer')
    await isFocused('composer')
    await answered('Now the whole of it.')
    await press('Previous version')
    await page.getByText('You stopped this answer.').waitFor()
    await isFocused('Answer')
    t.equal(await page.title(), 'Halt – Colloquy', 'a tab has the name of its conversation')
    await begin()
    await send('Another')
    await answered('You said: Another')
    await press('More about Halt')
    await page.getByRole('menuitem', { name: 'Delete' }).press('Enter')
    await checked('delete-dialog')
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).press('Enter')
    await page.locator('.row-title').getByText('Halt').waitFor({ state: 'detached' })
    await isFocused('composer')
  })

  await t.test('code is large enough to read, and copied without a clipboard', async (t) => {
    await begin()
    scenes.on('Arabic', () => say(arabic))
    await send('Arabic, please')
    await answered('const code')
    const size = await page.evaluate(
      `parseFloat(getComputedStyle(document.querySelector('pre code')).fontSize)`,
    )
    t.ok(Number(size) >= 14, `${size} pixels`)
    await page.evaluate(
      `Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })`,
    )
    await page.getByRole('button', { name: 'Copy', exact: true }).last().click()
    await page.getByText('Copied').waitFor()
    await field.focus()
    await page.keyboard.press('Control+v')
    t.equal(await field.inputValue(), `const code = 'left to right'`, 'as it was written')
    await field.fill('')
  })

  await t.test('lists, quotes and tables from right to left', async (t) => {
    const edges = await page.evaluate(`['.markdown ol', '.markdown table'].map((selector) => {
      const element = document.querySelector(selector)
      const { direction, paddingRight, paddingLeft } = getComputedStyle(element)
      return [direction, parseFloat(paddingRight) > parseFloat(paddingLeft)]
    })`)
    t.same(
      edges,
      [
        ['rtl', true],
        ['rtl', false],
      ],
      'numbers have their place at the right',
    )
    await checked('right-to-left-answer')
  })

  await t.test('on a phone', async (t) => {
    const device = await context.browser()?.newContext({
      viewport: { width: 360, height: 720 },
      hasTouch: true,
      isMobile: true,
    })
    const phone = await device?.newPage()
    if (!device || !phone) throw new Error('there is no second device')
    device.setDefaultTimeout(60_000)
    await phone.goto(`${url}/`)
    await phone.getByLabel('Your message').waitFor()
    t.not(await phone.evaluate(named), 'composer', 'no keyboard comes up by itself')
    await phone.getByLabel('Your message').tap()
    await phone.keyboard.type('One line')
    await phone.keyboard.press('Enter')
    await phone.keyboard.type('and another')
    t.equal(
      await phone.getByLabel('Your message').inputValue(),
      'One line\nand another',
      'Enter begins a line',
    )
    await phone.getByRole('button', { name: 'Send' }).tap()
    await answered('and another', phone)
    await phone.getByRole('button', { name: 'Show the list' }).tap()
    await isFocused('hide-list', phone)
    t.ok(
      await phone.evaluate(`document.querySelector('main').inert`),
      'what is behind the list cannot be reached',
    )
    await checked('phone-list', phone)
    await phone.setViewportSize({ width: 1000, height: 500 })
    const isCovered = () => phone.evaluate(`document.querySelector('main').inert`)
    await until(async () => !(await isCovered()), 'what was behind the list to be reached beside it')
    await phone.setViewportSize({ width: 360, height: 720 })
    await phone.getByRole('button', { name: 'Show the list' }).tap()
    await isFocused('hide-list', phone)
    await phone.keyboard.press('Escape')
    await isFocused('show-list', phone)
    t.notOk(await isCovered(), 'Escape leads back')
    await checked('phone-thread', phone)
    await device.close()
  })

  t.same(faults(), [], 'nothing failed in the page, and nothing left this machine')
})
