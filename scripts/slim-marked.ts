import { readFile } from 'node:fs/promises'
import type { Plugin } from 'esbuild'

/**
 * What the page's lexer has no use for, in the order of the file, and what stands in its place. The package is one module that makes
 * an instance and regular expressions of everything, which no bundler dares to drop.
 */
const unused: [what: string, pattern: RegExp, replacement: string][] = [
  // Markdown as it was before CommonMark, and line breaks as in comments on GitHub.
  ['the pedantic blocks', /(?<=,)(\w+)=\{\.\.\.\w+,html:.*?\.getRegex\(\)\}(?=,)/s, '$1=0'],
  [
    'the pedantic text',
    /(?<=,)(\w+)=\{\.\.\.\w+,emStrongLDelim:\w+,emStrongRDelimAst:\w+,emStrongRDelimUnd:.*?\.getRegex\(\)\}(?=,)/s,
    '$1=0',
  ],
  ['the breaks', /(?<=,)(\w+)=\{\.\.\.\w+,br:.*?\.getRegex\(\)\}(?=,)/s, '$1=0'],
  ['the option pedantic', /this\.options\.pedantic/g, '!1'],
  ['the option gfm', /this\.options\.gfm/g, '!0'],
  ['the option breaks', /this\.options\.breaks/g, '!1'],
  // HTML, which the page's own tokenizer takes as text.
  [
    'the tokenizer of HTML blocks',
    /(?<=\})html\(\w\)\{let \w=this\.rules\.block\.html\.exec.*?(?=def\(\w\)\{)/s,
    '',
  ],
  ['the tokenizer of tags', /(?<=\})tag\(\w\)\{.*?(?=link\(\w\)\{)/s, ''],
  ['the HTML blocks', /(?<=,html:)\w+(?=,lheading)/, '0'],
  [
    'regular expressions',
    /(?<=[,=])\w+(?=\([^()]*\)\.replace|\("[^"]*"(?:,"\w+")?\)\.replace)/g,
    '/* @__PURE__ */$&',
  ],
  // From the instance that it makes of itself, by its first statement, to its exports: what makes HTML.
  [
    'its instance',
    /;var \w+=new \w+;function (\w+)\(\w+,\w+\)\{return \w+\.parse\(.*?\1\.options=.*(?=export\{)/s,
    ';',
  ],
]

const exported = (text: string, name: string): string => {
  const local = new RegExp(`(?<=[{,])(\\w+) as ${name}(?=[,}])`).exec(text)?.[1]
  if (local === undefined) throw new Error(`marked no longer exports ${name}.`)
  return `${local} as ${name}`
}

/** Leaves out of marked all but its lexer for GitHub's Markdown, whose tokens the page draws. */
export const slimMarked: Plugin = {
  name: 'slim-marked',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\/marked\.esm\.js$/ }, async ({ path }) => {
      const whole = await readFile(path, 'utf8')
      const [, after = ''] = whole.split('export{')
      const slim = unused.reduce((text, [what, pattern, replacement]) => {
        const shorter = text.replace(pattern, replacement)
        if (shorter === text) throw new Error(`marked no longer has ${what} as it had: see slim-marked.ts.`)
        return shorter
      }, whole)
      const exports = ['Lexer', 'Tokenizer'].map((name) => exported(`{${after}`, name)).join(',')
      return { contents: slim.replace(/export\{.*?\}/s, `export{${exports}}`), loader: 'js' }
    }),
}
