import { readFile } from 'node:fs/promises'
import type { Plugin } from 'esbuild'

/** From the instance that marked makes of itself, by its first statement, to its exports. */
const instance =
  /;var \w+=new \w+;function (\w+)\(\w+,\w+\)\{return \w+\.parse\(.*?\1\.options=.*(?=export\{)/s
const exported = (text: string, name: string): string => {
  const local = new RegExp(`(?<=[{,])(\\w+) as ${name}(?=[,}])`).exec(text)?.[1]
  if (local === undefined) throw new Error(`marked no longer exports ${name}.`)
  return `${local} as ${name}`
}

/**
 * Leaves out of marked what makes HTML: the page draws the tokens of its lexer. The package is one module that makes an
 * instance of everything, which no bundler dares to drop; it is a fifth of its bytes.
 */
export const slimMarked: Plugin = {
  name: 'slim-marked',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\/marked\.esm\.js$/ }, async ({ path }) => {
      const whole = await readFile(path, 'utf8')
      const [, after = ''] = whole.split('export{')
      const slim = whole.replace(instance, ';')
      if (slim === whole)
        throw new Error('marked no longer makes its instance as it did: see slim-marked.ts.')
      const exports = ['Lexer', 'Tokenizer'].map((name) => exported(`{${after}`, name)).join(',')
      return { contents: slim.replace(/export\{.*?\}/s, `export{${exports}}`), loader: 'js' }
    }),
}
