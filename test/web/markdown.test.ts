import { h } from 'preact'
import t, { type Test } from 'tap'
import { Markdown } from '../../src/web/markdown/markdown.js'
import { renderNode } from './preact.js'

const show = (t: Test, text: string, isStreaming = false) => renderNode(t, h(Markdown, { text, isStreaming }))

/** What a text becomes, without what all blocks have. */
const htmlOf = (t: Test, text: string, isStreaming = false) =>
  show(t, text, isStreaming)
    .html()
    .replace(/ dir="auto"/g, '')
    .replace(/^<div class="markdown">|<\/div>$/g, '')

t.test('GitHub flavoured Markdown', async (t) => {
  const cases: Record<string, string> = {
    '# One\n\nTwo\n---\n': '<h2>One</h2><h3>Two</h3>',
    'a **b** *c* ~~d~~ `e` \\*f\\*':
      '<p>a <strong>b</strong> <em>c</em> <del>d</del> <code class="markdown-inline-code">e</code> *f*</p>',
    '- a\n- b\n  - c\n': '<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>',
    '3. a\n4. b\n': '<ol start="3"><li>a</li><li>b</li></ol>',
    '> a\n> b\n': '<blockquote><p>a\nb</p></blockquote>',
    'a  \nb': '<p>a<br>b</p>',
    '***\n': '<hr>',
    '&lt;b&gt; &copy; &#39; &#x1F600; &unknown; &#0;': "<p>&lt;b&gt; © ' 😀 &amp;unknown; \ufffd</p>",
  }
  for (const [text, html] of Object.entries(cases))
    t.equal(htmlOf(t, text), html, `${JSON.stringify(text)} is shown`)
  const tasks = show(t, '- [x] done\n- [ ] open\n').all('input[type=checkbox]') as HTMLInputElement[]
  t.same(
    tasks.map(({ checked, disabled }) => [checked, disabled]),
    [
      [true, true],
      [false, true],
    ],
    'tasks have boxes that nobody can tick',
  )
  const table = show(t, '| a | b |\n|:-:|--:|\n| *1* | x \\| y |\n')
  t.same(
    table.all('th').map((cell) => [cell.textContent, cell.className]),
    [
      ['a', 'markdown-center'],
      ['b', 'markdown-right'],
    ],
    'a table has a head with its alignment',
  )
  t.same(
    table.all('td').map((cell) => cell.textContent),
    ['1', 'x | y'],
    'and cells, in which a bar may be escaped',
  )
})

t.test('links lead to pages and mail alone, and say where', async (t) => {
  const hrefs = (text: string) =>
    show(t, text)
      .all('a')
      .map((link) => link.getAttribute('href'))
  t.same(
    hrefs(
      '[a](https://b.example/c?d=1#e) <https://f.example> https://g.example/h. www.i.example j@k.example',
    ),
    [
      'https://b.example/c?d=1#e',
      'https://f.example/',
      'https://g.example/h',
      'http://www.i.example/',
      'mailto:j@k.example',
    ],
    'addresses of all kinds are links',
  )
  t.same(
    hrefs('[a][1] and [b]\n\n[1]: https://c.example\n[b]: https://d.example'),
    ['https://c.example/', 'https://d.example/'],
    'definitions too',
  )
  const { one } = show(t, '[a](https://b.example)')
  t.match(one('a').getAttribute('rel'), /noopener.*noreferrer/, 'the other page learns nothing of this one')
  t.equal(one('a').getAttribute('target'), '_blank', 'the conversation stays')
  const hostOf = (text: string) =>
    show(t, text)
      .all('.markdown-host')
      .map((host) => host.textContent)
  t.same(
    hostOf('[bank.example](https://evil.example)'),
    [' (evil.example)'],
    'a text that is another address is contradicted',
  )
  t.same(
    hostOf('[https://bank.example/login](https://evil.example/login)'),
    [' (evil.example)'],
    'with a path too',
  )
  t.same(
    hostOf('[here](https://bank.example@evil.example)'),
    [' (evil.example)'],
    'and an address with a name before its host',
  )
  t.same(
    hostOf('[me@bank.example](mailto:me@evil.example)'),
    [' (me@evil.example)'],
    'and mail to somebody else',
  )
  t.same(
    hostOf('[\u202emoc.elpmaxe\u202c](https://evil.example)'),
    [' (evil.example)'],
    'and text that runs the other way',
  )
  t.same(
    hostOf(
      '[docs](https://a.example) [www.a.example/b](https://a.example/b) https://c.example [v1.2](https://d.example)',
    ).length,
    1,
    'other links are left as they are',
  )
})

t.test('nothing of an answer is HTML, and nothing is loaded', async (t) => {
  const attacks = [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '<svg onload=alert(1)><animate onbegin=alert(1)></svg>',
    '<style>*{display:none}</style>',
    '<base href="https://evil.example/">',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<form action="https://evil.example"><input name="attributes"><button>x</button></form>',
    '<a id="document" name="body">x</a>',
    '<div id="root" onclick="alert(1)">\n\n**a**\n\n</div>',
    '<!-- --><x><![CDATA[<script>]]>',
    '<math><mtext><mglyph><style><img src=x onerror=alert(1)>',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is an attack
    '{{constructor.constructor("alert(1)")()}} ${alert(1)} <%= 1 %>',
    '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    '<link rel=stylesheet href=https://evil.example>',
    '<template><script>alert(1)</script></template>',
    '<object data="data:text/html,x"></object>',
    '[a](javascript:alert(1))',
    '[a](JaVaScRiPt:alert(1))',
    '[a](&#106;avascript:alert(1))',
    '[a](javascript&colon;alert(1))',
    '[a](java\tscript:alert(1))',
    '[a](java&Tab;script:alert(1))',
    '[a](<java\nscript:alert(1)>)',
    '[a](\u0001javascript:alert(1))',
    '[a](vbscript:msgbox(1))',
    '[a](data:text/html;base64,PHNjcmlwdD4=)',
    '[a](file:///etc/passwd)',
    '[a](//evil.example)',
    '[a](/api/demo)',
    '[a](blob:http://x/y)',
    '[a]( javascript:alert(1))',
    '<javascript:alert(1)>',
    '[a][1]\n\n[1]: javascript:alert(1)',
    '![a](javascript:alert(1))',
    '![a](data:image/svg+xml,<svg onload=alert(1)>)',
    '[a](http\u200b:javascript:alert(1))',
    '[a](view-source:https://b.example)',
    '[a](feed:javascript:alert(1))',
    '[a](ftp://b.example)',
    '[a](https://)',
    '[a](https://a b)',
    '[a](http:evil.example)',
    '[__proto__](javascript:1)\n\n[__proto__]: javascript:2',
    '[constructor] [toString][hasOwnProperty]',
  ]
  for (const text of attacks) {
    const { all } = show(t, text)
    const names = new Set(all('*').map((element) => element.localName))
    const allowed = [
      'div',
      'p',
      'a',
      'span',
      'strong',
      'code',
      'pre',
      'figure',
      'figcaption',
      'button',
      'ul',
      'li',
      'br',
    ]
    t.same(
      [...names].filter((name) => !allowed.includes(name)),
      [],
      `${text.slice(0, 40)}: no element of the answer's choice`,
    )
    const attributes = all('*').flatMap((element) => [...element.attributes].map(({ name }) => name))
    t.same(
      attributes.filter((name) => /^on|^id$|^name$|^style$|^src/.test(name)),
      [],
      `${text.slice(0, 40)}: no attribute of its choice`,
    )
    t.same(
      all('a').filter((a) => !/^https?:\/\/[^/]|^mailto:/.test(a.getAttribute('href') ?? '')),
      [],
      `${text.slice(0, 40)}: no link to code`,
    )
  }
  const image = show(
    t,
    '![a cat](https://c.example/cat.png "t") [![logo](https://d.example/l.png)](https://e.example)',
  )
  t.same(image.all('img, picture, source'), [], 'an image is never loaded')
  t.same(image.all('a').map((a) => a.textContent)[0], 'a cat', 'it is a link with its text')
  t.equal(
    show(t, '<b>x</b> &lt;i&gt;').one('p').textContent,
    '<b>x</b> <i>',
    'HTML is shown as it is written',
  )
  t.same(
    show(t, '| a |\n|-|\n| b<br>c |\n').all('td br').length,
    1,
    'a line break in a cell is one, since Markdown has none',
  )
})

t.test('code has its language, its colours, and is copied as it was written', async (t) => {
  const code = 'const a = "<b>" // \u202e c\nif (a) {}\n\n\n\tb(`x`)'
  const page = show(t, `\`\`\`ts title="x"\n${code}\n\`\`\`\n`)
  let copied: string | undefined
  Object.defineProperty(navigator, 'clipboard', {
    configurable: true,
    value: {
      writeText: async (text: string) => {
        copied = text
      },
    },
  })
  t.teardown(() => Reflect.deleteProperty(navigator, 'clipboard'))
  t.equal(page.one('pre code').textContent, code, 'the code is all there')
  t.equal(page.one('figcaption span').textContent, 'ts', 'the language is named')
  t.same(
    page.all('.markdown-keyword').map((piece) => piece.textContent),
    ['const', 'if'],
    'keywords have a colour',
  )
  await page.click('.markdown-copy')
  t.equal(copied, code, 'what is copied is the source')
  t.equal(page.one('.markdown-copy').textContent, 'Copied', 'and the button says so')
  for (const name of [
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '"><script>',
    'x'.repeat(500),
  ]) {
    const { one } = show(t, `\`\`\`${name}\nlet a\n\`\`\``)
    t.equal(one('pre code').innerHTML, 'let a', `${name.slice(0, 20)} is no language`)
    t.ok((one('figcaption span').textContent ?? '').length <= 24, 'its name has an end')
  }
  const languages =
    'js ts jsx tsx python json bash sql html css go rust java c cpp yaml diff csharp kotlin toml'.split(' ')
  const samples: Record<string, string> = {
    diff: '-a\n+b',
    json: '{"a": 1}',
    yaml: 'a: "b" # c',
    toml: 'a = "b" # c',
    html: '<p class="a">b</p>',
    css: 'a { color: #fff }',
  }
  for (const language of languages) {
    const sample = samples[language] ?? 'if (a) return "b" // c'
    const { one, all } = show(t, `\`\`\`${language}\n${sample}\n\`\`\``)
    t.ok(all('pre span').length > 0, `${language} has colours`)
    t.equal(one('pre code').textContent, sample, `${language}: the code is all there`)
  }
})

t.test('lists, quotes and tables run in the direction of their text', async (t) => {
  const direction = (text: string, selector: string) => show(t, text).one(selector).getAttribute('dir')
  t.equal(direction('1. مرحبا\n2. b\n', 'ol'), 'rtl', 'a list, with its numbers')
  t.equal(direction('- [ ] שלום\n\n- **b**\n', 'ul'), 'rtl', 'also where it has paragraphs')
  t.equal(direction('> שלום\n', 'blockquote'), 'rtl', 'a quote, with its line')
  t.equal(direction('| مرحبا | b |\n|-|-|\n', '.markdown-table'), 'rtl', 'a table, from its first column on')
  t.equal(direction('- hello مرحبا\n', 'ul'), 'auto', 'the first letter decides')
})
