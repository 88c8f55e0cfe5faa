import t from 'tap'
import { readGuides } from '../../src/docs/guides.js'
import { renderMarkdown } from '../../src/docs/render.js'
import { testApp } from '../helpers/app.js'
import { crawl } from '../helpers/crawl.js'
import { rawCall } from '../helpers/raw.js'

t.test('the guides, on one server', async (t) => {
  const { url } = await testApp(t)
  const guides = await readGuides()
  const page = `${url}/docs/guides/streaming`

  await t.test('each is a page and Markdown, and no link or heading is dead', async (t) => {
    t.ok(guides.length > 14, `${guides.length} guides`)
    for (const start of ['/docs/guides', '/llms.txt', '/docs/api.md']) {
      const { read, dead } = await crawl(`${url}${start}`)
      t.same(dead, [], `${start}: every link leads somewhere`)
      const ends = start === '/docs/api.md' ? [] : start === '/llms.txt' ? ['.md'] : ['', '.md']
      for (const end of ends) {
        const type = end ? 'text/markdown; charset=utf-8' : 'text/html; charset=utf-8'
        for (const { slug } of guides)
          t.equal(read.get(`/docs/guides/${slug}${end}`), type, `${start} leads to ${slug}${end}`)
      }
    }
  })

  await t.test(
    'pages have no scripts, and Markdown is that of the repository but for its links',
    async (t) => {
      const response = await fetch(page)
      const html = await response.text()
      t.match(
        response.headers.get('content-security-policy'),
        /^default-src 'none'; style-src 'self'/,
        'a strict policy',
      )
      t.notMatch(html, /<script|<style|\sstyle=|\son\w+=/i, 'neither scripts nor styles in the page')
      t.match(html, /<h2 id="resume">Resume/, 'headings have anchors')
      t.match(html, /aria-current="page">Streaming/, 'the list of guides shows where one is')
      const markdown = await (await fetch(`${page}.md`)).text()
      t.match(markdown, /^# Streaming: the answer as it is written$/m, 'the Markdown')
      t.match(markdown, '](the-api.md#examples)', 'links the other guides where they are')
    },
  )

  await t.test('a document is sent again only when it has changed', async (t) => {
    for (const path of [
      '/openapi.json',
      '/openapi.yaml',
      '/llms.txt',
      '/docs/api.md',
      '/docs/guides/streaming',
    ]) {
      const first = await fetch(url + path)
      const etag = first.headers.get('etag') ?? ''
      t.match(etag, /^"[\w-]{22}"$/, `${path}: an ETag`)
      t.equal(first.headers.get('cache-control'), 'no-cache', `${path}: to be asked for each time`)
      for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const again = await fetch(url + path, { headers: { 'if-none-match': known } })
        t.same([again.status, await again.text()], [304, ''], `${path}: not sent to who has ${known}`)
        t.equal(again.headers.get('etag'), etag, `${path}: with its ETag`)
      }
      const other = await fetch(url + path, { headers: { 'if-none-match': '"other"' } })
      t.equal(other.status, 200, `${path}: sent to who has another`)
    }
  })

  await t.test('diagrams are pictures, which bring nothing with them', async (t) => {
    const html = await (await fetch(`${url}/docs/guides/the-turn-engine`)).text()
    const sources = [...html.matchAll(/<img src="([^"]+)"/g)].map(([, src = '']) => src)
    t.equal(sources.length, 2, 'those of the turn engine')
    for (const src of sources) {
      const response = await fetch(`${url}/docs/guides/${src}`)
      const { headers, status } = response
      t.match([status, headers.get('content-type')], [200, /^image\/svg\+xml/], src)
      t.match(
        headers.get('content-security-policy'),
        /^default-src 'none'; style-src 'unsafe-inline'/,
        'a policy',
      )
      t.notMatch(await response.text(), /@import|<script|href=|url\((?!#)/i, 'nothing from elsewhere')
    }
    t.equal((await fetch(`${url}/docs/guides/diagrams/none.svg`)).status, 404, 'no others')
  })

  await t.test('what is no guide is not there, and nothing else of the package is', async (t) => {
    const none = [
      '/docs/guides/nothing',
      '/docs/guides/',
      '/docs/guides/files/package.json',
      '/docs/guides/files/',
    ]
    const outside = [
      '..%2f..%2fpackage.json',
      '%2e%2e/%2e%2e/package.json',
      '../../package.json',
      'sql/../package.json',
      '/etc/passwd',
      '%2fetc%2fpasswd',
    ]
    // As they are: clients resolve dots before they send them.
    for (const path of [...none, ...outside.map((path) => `/docs/guides/files/${path}`)]) {
      const request = `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`
      t.match(await rawCall(t, url, request), { status: 404 }, path)
    }
    const known = await fetch(`${url}/docs/guides/files/sql/functions/search_messages.sql`)
    t.match([known.status, await known.text()], [200, /create/i], 'a file that a guide links is')
    const put = await fetch(page, { method: 'PUT' })
    t.match([put.status, put.headers.get('allow')], [405, /GET/], 'another method')
  })

  await t.test('llms.txt has the form of llmstxt.org', async (t) => {
    const text = await (await fetch(`${url}/llms.txt`)).text()
    const lines = text.split('\n').filter((line) => line !== '')
    t.match(lines[0], /^# \S/, 'a title')
    t.match(lines[1], /^> \S/, 'a summary')
    const sections = text.split(/^## /m).slice(1)
    t.same(
      sections.map((section) => section.split('\n', 1)[0]),
      ['API', 'Guides', 'Optional'],
      'then sections',
    )
    for (const line of sections.flatMap((section) => section.trim().split('\n').slice(2)))
      t.match(
        line,
        /^- \[[^\]]+\]\(\w[\w./-]*\): \S/,
        `of links with notes, relative since a proxy may serve it elsewhere: ${line}`,
      )
  })
})

t.test('Markdown brings no HTML, no pictures and no dangerous links into a page', async (t) => {
  const hostile = [
    '<script>alert(1)</script>',
    'a <img src=x onerror=alert(1)> b',
    '[a](javascript:alert(1)) [b](<data:text/html,x>) [c](vbscript:x)',
    '![alt "><script>](https://elsewhere.example/x.png)',
    '```"><script>\n</code><script>\n```',
    '# "><b id=x>heading</b>',
    '| <i>a</i> |\n|-|\n| </table><script> |',
  ].join('\n\n')
  const { html } = renderMarkdown(hostile, (href) => (/^\w+:/.test(href) ? undefined : href))
  const tags = [...html.matchAll(/<\/?([a-z\d]+)([^>]*)>/g)]
  const known = ['a', 'code', 'div', 'h1', 'p', 'pre', 'table', 'tbody', 'td', 'th', 'thead', 'tr']
  t.same(
    tags.filter(([, name = '']) => !known.includes(name)),
    [],
    'only its own elements',
  )
  t.notMatch(tags.join('\n'), /\son|javascript:|data:text/, 'and attributes')
  t.match(html, '&lt;script&gt;alert(1)&lt;/script&gt;', 'HTML is shown as text')
})
