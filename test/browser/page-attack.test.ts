import t from 'tap'
import { builtPage } from '../helpers/built-page.js'
import { openChatPage } from '../helpers/chat-page.js'
import { say } from '../helpers/scenes.js'

const markup = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<img src="https://evil.example/pixel.png">',
  '![a picture](https://evil.example/picture.png)',
  '<svg onload=alert(1)><use href="https://evil.example/x.svg#a"/></svg>',
  '<iframe src="javascript:alert(1)"></iframe>',
  '<style>@import "https://evil.example/x.css"; body { display: none }</style>',
  '<base href="https://evil.example/"><meta http-equiv="refresh" content="0;url=https://evil.example/">',
  '<form action="https://evil.example/"><button>Send</button></form>',
  '[click](javascript:alert(1)) [click](JaVaScRiPt&colon;alert(1)) [click](data:text/html,<script>alert(1)</script>)',
  '[click](vbscript:x) <javascript:alert(1)> [x]: javascript:alert(1)',
  '<a id="page" name="createElement">clobber</a> {{constructor.constructor("alert(1)")()}}',
  '```<script>alert(1)</script>\n<img src=x onerror=alert(1)>\n```',
  '```__proto__\nconstructor\n```',
  '\u202ehtap\u202c [https://bank.example](https://evil.example/)',
]

t.test('the chat page is attacked', async (t) => {
  const attacker = 'user:"><script>'.replace(/[^\w:.@-]/g, '')
  const { page, scenes, begin, send, answered, picture, faults, call, url, context } = await openChatPage(t, {
    page: await builtPage(['demo', attacker]),
  })
  const dialogs: string[] = []
  const elsewhere: string[] = []
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message())
    void dialog.dismiss()
  })
  context.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('blob:')) elsewhere.push(request.url())
  })
  context.on('page', (opened) => elsewhere.push(`a page: ${opened.url()}`))
  const all = markup.join('\n\n')

  await t.test('answers, messages and titles full of markup are text', async (t) => {
    await begin()
    scenes.on('<script>', () => say(all))
    await send(`<script>alert(1)</script> ${all}`.slice(0, 5_000))
    await answered('alert(1)')
    await page.locator('.row-title').getByText('<script>alert(1)</script>').waitFor()
    await picture('attacked')
    const inside = page.locator('.answer, .question, .sidebar-list')
    for (const tag of ['script', 'img', 'iframe', 'style', 'base', 'meta', 'form', 'object', 'svg use'])
      t.equal(await inside.locator(tag).count(), 0, `no <${tag}> was made`)
    const hrefs: string[] = await page.evaluate(
      `[...document.querySelectorAll('.answer a')].map((link) => link.href)`,
    )
    t.same(
      hrefs.filter((href) => !/^(https?:|mailto:)/.test(href)),
      [],
      'every link leads to http, https or mail',
    )
    await page.reload()
    await answered('alert(1)')
  })

  await t.test('so are tool calls, reasoning, feedback, metadata, searches and failures', async (t) => {
    scenes.on('Tools', async function* () {
      yield { type: 'reasoning-delta', delta: all }
      yield { type: 'tool-call', id: 'c1', name: '<img_src=x>', arguments: { html: all } }
      yield { type: 'tool-result', id: 'c1', result: { html: all }, duration_ms: 1 }
      yield { type: 'tool-call', id: 'c2', name: 'other', arguments: {} }
      yield { type: 'tool-error', id: 'c2', error: markup[1] ?? '', duration_ms: 1 }
      yield* say('Done.')
    })
    await begin()
    await send('Tools, and <img src=x onerror=alert(1)>')
    await answered('Done.')
    for (const fold of await page.locator('.fold summary').all()) await fold.click()
    const { body } = await call('GET', '/api/demo/conversations', { user: 'demo' })
    const path = `/api/demo/conversations/${body.data[0].id}`
    const metadata = { '<img src=x onerror=alert(1)>': '<script>alert(1)</script>' }
    await call('PATCH', path, { user: 'demo', body: { metadata, title: '<img src=x onerror=alert(1)>' } })
    await page.locator('.thread-title').getByText('<img').waitFor()
    await page.getByRole('button', { name: 'Bad answer' }).click()
    await page.getByLabel('What was wrong').fill('<img src=x onerror=alert(1)>')
    await page.getByLabel('What was wrong').press('Enter')
    await page.locator('.comment').waitFor()
    await page.getByLabel('Search your conversations').fill('<img')
    await page.locator('mark').first().waitFor()
    await picture('attacked-tools')
    t.equal(
      await page.locator('img, iframe, script:not([src^="page/"])').count(),
      0,
      'nothing of it is an element',
    )
  })

  await t.test('an address cannot make the page do anything', async (t) => {
    for (const hash of [
      '#/javascript:alert(1)',
      '#/<img src=x>',
      '#/../../evil',
      `#/__proto__`,
      '#javascript:alert(1)',
    ]) {
      await page.goto(`${url}/${hash}`)
      await page.getByLabel('Your message').waitFor()
    }
    t.match(page.url(), url, 'it stays where it is')
  })

  t.same(dialogs, [], 'nothing ran')
  t.same(elsewhere, [], 'nothing was loaded from elsewhere, and no page was opened')
  t.same(faults(), [], 'no policy was violated, and nothing failed')
})
