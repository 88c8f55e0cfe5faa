import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import t from 'tap'
import { slimMarked } from '../../scripts/slim-marked.js'
import { packageRoot } from '../../src/root.js'
import { parseBlocks } from '../../src/web/markdown/parse.js'

const root = fileURLToPath(packageRoot)

/** What the guides have not. */
const rare = `Setext
===

<div class="a">**b** <!-- c --></div>

<script>
let a
</script>

a<br>b <a href="https://c.example">_d_</a> ~~e~~ ~f~ \`\`g\`h\`\` &amp; \\*i\\* <https://j.example> k@l.example www.m.example
***n** o* __p__q __r__ [s] [t][s] ![u](v.png "w")  
x

- [x] y
- [ ] z

  a
    * b

1) c
10) d

> e
> > f
g

    h

~~~ts i
j
~~~

| k | l \\| m |
|:-:|--:|
| n | o

[s]: <https://p.example> 'q'
`

t.test('the page’s part of marked finds in texts what all of marked finds', async (t) => {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/web/markdown/parse.ts'],
    bundle: true,
    format: 'esm',
    target: 'es2023',
    plugins: [slimMarked],
    write: false,
  })
  const code = outputFiles[0]?.text ?? ''
  const slim: { parseBlocks: typeof parseBlocks } = await import(
    `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`
  )
  const paths = (await readdir(join(root, 'src'), { recursive: true })).filter((path) => path.endsWith('.md'))
  const guides = await Promise.all(paths.map((path) => readFile(join(root, 'src', path), 'utf8')))
  t.ok(guides.length > 10, `${guides.length} guides are compared`)
  for (const [i, text] of [rare, ...guides].entries())
    t.same(slim.parseBlocks(text), parseBlocks(text), paths[i - 1] ?? 'what the guides have not')
})
