import fc from 'fast-check'
import { h } from 'preact'
import t, { type Test } from 'tap'
import { createDocument } from '../../src/web/markdown/document.js'
import { Markdown } from '../../src/web/markdown/markdown.js'
import { drawSeed, runs } from '../helpers/seed.js'
import { type Rendered, renderNode } from './preact.js'

/** Pieces that texts are made of, many of which mean another thing together with what follows. */
const pieces = [
  ...[
    'a',
    'b c',
    ' ',
    '  ',
    '\n',
    '\n\n',
    '\n    ',
    '#',
    '# ',
    '## x\n',
    '-',
    '- ',
    '- x\n',
    '1. ',
    '* ',
    '> ',
    '>',
    '---',
    '=',
    '|',
  ],
  ...[
    '| a | b |\n',
    '|-|-|\n',
    '| c |\n',
    '```',
    '```js\n',
    '~~~\n',
    '`',
    '**',
    '*',
    '_',
    '~~',
    '[a]',
    '[a](https://b.example)',
    '[a]: https://c.example\n',
  ],
  ...[
    '!',
    '[',
    ']',
    '(',
    ')',
    '<div>',
    '<br>',
    '&amp;',
    '\\',
    '\t',
    '\r\n',
    'www.d.example',
    '[ ] ',
    '- [x] y\n',
  ],
]

const tokensOf = (blocks: ReturnType<ReturnType<typeof createDocument>['update']>) =>
  JSON.stringify(
    blocks.map(({ token }) => token).filter(({ type }) => type !== 'space' && type !== 'def'),
    (key, value) => (key === 'raw' ? undefined : value),
  )

const grow = (texts: string[]) => {
  const document = createDocument()
  let text = ''
  for (const more of texts) {
    text += more
    document.update(text, true)
  }
  return document.update(text, false)
}

t.test('a text that came in pieces is what it is as a whole', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 40 }), (texts) => {
      const whole = createDocument().update(texts.join(''), false)
      return tokensOf(grow(texts)) === tokensOf(whole)
    }),
    { numRuns: runs(200), seed: drawSeed(t) },
  )
  t.pass('for 200 texts, each cut into pieces that mean nothing alone')
  const defined = ['[a]', '```js\n', '| c |\n', '|-|-|\n', '* ', '[a]: https://c.example\n']
  const whole = createDocument().update(defined.join(''), false)
  t.equal(tokensOf(grow(defined)), tokensOf(whole), 'a list may define a link of what came before')
  const document = createDocument()
  t.equal(document.update('# a\n\nb', true).length, 3, 'a text that begins is parsed')
  t.match(tokensOf(document.update('c **d**', false)), /"strong"/, 'and so is another one in its place')
})

/** The text that is seen. What stands above code is no part of it. */
const shownIn = (page: Rendered): string => {
  const labels = page.all('figcaption').map(({ textContent }) => textContent)
  const all = page.one('.markdown').textContent ?? ''
  return labels.reduce((text: string, label) => text.replace(label ?? '', ''), all)
}

/** What is seen after each character of a text. */
const textsOf = (t: Test, text: string): string[] => {
  const page = renderNode(t, h(Markdown, { text: '', isStreaming: true }))
  return [...text, ''].map((_, i) => {
    page.update(h(Markdown, { text: text.slice(0, i + 1), isStreaming: i < text.length }))
    return shownIn(page)
  })
}

t.test('what is not complete yet shows as what it is about to be', async (t) => {
  const shown = (text: string) =>
    renderNode(t, h(Markdown, { text, isStreaming: true }))
      .html()
      .replace(/ dir="auto"|^<div class="markdown">|<\/div>$/g, '')
  const cases: Record<string, string> = {
    'a **b': '<p>a <strong>b</strong></p>',
    'a **b c*': '<p>a <strong>b c</strong></p>',
    'a *b': '<p>a <em>b</em></p>',
    'a **b *c': '<p>a <strong>b <em>c</em></strong></p>',
    'a ~~b': '<p>a <del>b</del></p>',
    'a `b *c': '<p>a <code class="markdown-inline-code">b *c</code></p>',
    'a **': '<p>a </p>',
    'a [b': '<p>a b</p>',
    'a [b](https://c.exa': '<p>a b</p>',
    'a ![b](https://c.exa': '<p>a b</p>',
    '- a **b': '<ul><li>a <strong>b</strong></li></ul>',
    '> a **b': '<blockquote><p>a <strong>b</strong></p></blockquote>',
    'a\n-': '<p>a</p>',
    'a\n#': '<p>a</p>',
    'a\n1.': '<p>a</p>',
    '2 * 3 * 4, a_b_c, 5 > 4 and x*y': '<p>2 * 3 * 4, a_b_c, 5 &gt; 4 and x*y</p>',
  }
  for (const [text, html] of Object.entries(cases))
    t.equal(shown(text), html, `${JSON.stringify(text)} is shown as it will be`)
  t.match(shown('| a | b'), /<th.*>a<\/th><th.*>b<\/th>/, 'a table from its head on')
  t.match(shown('| a | b |\n|--'), /<th.*>b<\/th>/, 'while the line below is coming')
  t.match(shown('| a | b |\n|---|---|\n| c **d'), /<td.*>c <strong>d<\/strong><\/td>/, 'and its cells')
  t.match(
    shown('```js\nlet a\n``'),
    /<code>let a\n?<\/code>/,
    'the beginning of the closing fence is no code',
  )
})

/** Nothing seems to take so long that it is put off, which would hide what is seen on the way. */
const stopTime = (t: Test): void => {
  performance.now = () => 0
  t.teardown(() => Reflect.deleteProperty(performance, 'now'))
}

t.test('nothing that was seen goes away or turns into markup while an answer comes', async (t) => {
  stopTime(t)
  const text = [
    'Hello **bold words** and *more* with `code` and [a link](https://a.example/b).\n\n## A title\n\n- one **x**\n- two\n  - three\n\n',
    '1. first\n2. second\n\n| a | b |\n|---|:-:|\n| 1 | **2** |\n\n> quoted ~~no~~\n\n```ts\nconst a = 1\n```\n\nThe end.',
  ].join('')
  const seen = textsOf(t, text)
  const losses = seen
    .slice(1)
    .filter((now, i) => !now.startsWith((seen[i] ?? '').trimEnd()) && now.length < (seen[i] ?? '').length)
  t.same(losses, [], 'each character adds to what is seen')
  t.same(
    seen.filter((now) => /\*\*|~~|\]\(|\|/.test(now)),
    [],
    'no mark is seen on the way',
  )
  t.equal(seen.at(-1), shownIn(renderNode(t, h(Markdown, { text }))), 'at the end it is what it is')
})

t.test('elements of complete blocks stay as they are', async (t) => {
  stopTime(t)
  const page = renderNode(t, h(Markdown, { text: 'a\n\n- b\n\nc\n\nd', isStreaming: true }))
  const before = page.all('.markdown > *')
  page.update(h(Markdown, { text: 'a\n\n- b\n\nc\n\nd e\n\nf', isStreaming: true }))
  const after = page.all('.markdown > *')
  t.ok(
    before.every((element, i) => element === after[i]),
    'the same elements',
  )
  t.equal(after.length, 5, 'and a new one')
})

const answer = (length: number): string => {
  const section = (i: number) =>
    `## Part ${i}\n\nSome **bold** text with \`code\`, [a link](https://a.example/${i}) and *more* words to read.\n\n` +
    `- one\n- two\n  - three\n\n| a | b |\n|---|---|\n| ${i} | x |\n\n\`\`\`ts\nconst a${i} = (b: string) => b + '${i}'\n\`\`\`\n\n`
  return Array.from({ length: Math.ceil(length / 200) }, (_, i) => section(i))
    .join('')
    .slice(0, length)
}

t.test('an answer of 50 KB in 2,000 pieces', async (t) => {
  const mixed = answer(50_000)
  const document = createDocument()
  const begun = performance.now()
  for (let end = 25; end <= mixed.length; end += 25) document.update(mixed.slice(0, end), true)
  const took = performance.now() - begun
  t.comment(`parsed in ${Math.round(took)} ms for all pieces`)
  t.ok(took < 20_000, 'what is parsed for a piece does not grow with the answer')
  const page = renderNode(t, h(Markdown, { text: '', isStreaming: true }))
  const start = performance.now()
  const text = '- some **bold** words in an item of a list\n'.repeat(1_250).slice(0, 50_000)
  for (let end = 25; end <= text.length; end += 25)
    page.update(h(Markdown, { text: text.slice(0, end), isStreaming: true }))
  page.update(h(Markdown, { text, isStreaming: false }))
  t.comment(`one list: shown in ${Math.round(performance.now() - start)} ms`)
  t.equal(
    page.all('li').length,
    1_163,
    'a block that is slow to parse is shown less often, and is complete at the end',
  )
})

const lines = (line: string, length = 1_000_000) => line.repeat(Math.ceil(length / line.length))
const many = 100_000

/** Texts that take parsers long, or more stack than there is. */
const hostile: Record<string, string> = {
  brackets: '['.repeat(many),
  asterisks: '*'.repeat(many),
  'open emphasis': '*a '.repeat(many),
  'mixed emphasis': '*a_ **b '.repeat(many / 8),
  quotes: '>'.repeat(many),
  'a list in a list on a line': `${'- '.repeat(10_000)}a`,
  'a list in a list by indentation': Array.from({ length: 1_500 }, (_, i) => `${' '.repeat(i * 2)}- a`).join(
    '\n',
  ),
  'quotes in lists': `${'> - '.repeat(20_000)}a`,
  'a line of 1 MB': 'a'.repeat(1_000_000),
  'a line of 1 MB of emphasis': lines('*a '),
  'a paragraph of 1 MB': lines('lorem ipsum\n'),
  'a list of 1 MB': lines('- a\n'),
  'a table of 1 MB': `|a|b|\n|-|-|\n${lines('|x|y|\n')}`,
  'a lazy quote of 1 MB': lines('> a\nb\n'),
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the code of somebody else
  'code of 1 MB': `\`\`\`ts\n${lines('let a = `${b}`\n')}`,
  'a regular expression': `\`\`\`js\n=/${'[a]'.repeat(10_000)}\n\`\`\``,
  'open templates': `\`\`\`js\n${'`${'.repeat(10_000)}\n\`\`\``,
  'open tags': `\`\`\`html\n${'<a '.repeat(10_000)}\n\`\`\``,
  links: '[a](b'.repeat(many / 5),
  backticks: Array.from({ length: 1_000 }, (_, i) => '`'.repeat(i)).join(' '),
  addresses: 'www.a.'.repeat(many / 6),
}

t.test('texts made to take long end in time', async (t) => {
  for (const [name, text] of Object.entries(hostile)) {
    const document = createDocument()
    const start = performance.now()
    const blocks = document.update(text, false)
    const took = performance.now() - start
    t.ok(took < 6_000, `${name}: ${Math.round(took)} ms`)
    const source = blocks.map(({ token }) => token.raw).join('')
    t.ok(source.length >= text.length / 2, `${name}: what is not parsed is shown all the same`)
  }
  // A page of them would be slow by itself; what matters is that rendering needs no more stack than there is.
  for (const name of [
    'quotes',
    'quotes in lists',
    'a list in a list on a line',
    'mixed emphasis',
    'a regular expression',
    'open templates',
    'open tags',
  ]) {
    const page = renderNode(t, h(Markdown, { text: (hostile[name] ?? '').slice(0, 40_000) }))
    t.ok((page.one('.markdown').textContent ?? '').length > 0, `${name}: rendered`)
  }
})
