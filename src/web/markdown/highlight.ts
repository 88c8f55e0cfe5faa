import { type ParseOptions, parse } from 'sugar-high/core'
import * as c from 'sugar-high/lang/c'
import * as cpp from 'sugar-high/lang/cpp'
import * as css from 'sugar-high/lang/css'
import * as diff from 'sugar-high/lang/diff'
import * as go from 'sugar-high/lang/go'
import * as java from 'sugar-high/lang/java'
import * as json from 'sugar-high/lang/json'
import * as python from 'sugar-high/lang/python'
import * as rust from 'sugar-high/lang/rust'
import * as shell from 'sugar-high/lang/shell'
import * as sql from 'sugar-high/lang/sql'
import * as yaml from 'sugar-high/lang/yaml'

/**
 * Its own JavaScript also knows JSX and regular expressions, which takes two thirds of all its bytes: too much of the page's
 * 60 KB. These are the same language as a scanner of words, strings and comments sees it.
 */
const javascript: ParseOptions = {
  keywords: new Set(
    (
      'abstract as async await boolean break case catch class const continue debugger declare default delete do else enum export ' +
      'extends false finally for from function get if implements import in infer instanceof interface is keyof let namespace new ' +
      'null number of override private protected public readonly return satisfies set static string super switch this throw true ' +
      'try type typeof undefined unknown var void while with yield'
    ).split(' '),
  ),
  onCommentStart: java.onCommentStart,
  onCommentEnd: java.onCommentEnd,
  templateStrings: true,
}

const html: ParseOptions = {
  onCommentStart: (_current, _next, at, code) => code.startsWith('<!--', at),
  onCommentEnd: (_previous, _current, at, code, start) => at > start + 4 && code.endsWith('-->', at + 1),
}

/** The names that answers give to languages; a map, since `__proto__` is a name that somebody may write too. */
const LANGUAGES = new Map<string, ParseOptions>(
  (
    [
      [javascript, 'js javascript jsx mjs cjs node ts typescript tsx mts cts'],
      [python, 'py python python3'],
      [json, 'json jsonc json5 ndjson'],
      [shell, 'sh bash zsh shell console terminal'],
      [sql, 'sql postgres postgresql mysql sqlite plpgsql'],
      [html, 'html xml svg htm xhtml vue'],
      [css, 'css scss less'],
      [go, 'go golang'],
      [rust, 'rs rust'],
      [java, 'java kotlin kt cs csharp c#'],
      [c, 'c h'],
      [cpp, 'cpp c++ cc cxx hpp'],
      [yaml, 'yaml yml toml ini'],
      [diff, 'diff patch'],
    ] as [ParseOptions, string][]
  ).flatMap(([language, names]) => names.split(' ').map((name) => [name, language] as const)),
)

/** Longer code is shown without colours: they would cost more time than they are worth. */
const LONGEST_CODE = 40_000

export interface Piece {
  /** where it begins in the code */
  at: number
  text: string
  /** keyword, string, number, comment, function, type, inserted, deleted; undefined for all else */
  kind: string | undefined
}

const KINDS = new Map([
  ['keyword', 'keyword'],
  ['string', 'string'],
  ['comment', 'comment'],
  ['class', 'type'],
  ['entity', 'function'],
  ['property', 'function'],
])

const kindOf = (type: string, text: string): string | undefined =>
  type === 'class' && /^\d/.test(text) ? 'number' : KINDS.get(type)

/** Cuts code into pieces to be coloured; together they are the code. Undefined for a language that it does not know. */
export const highlight = (code: string, language: string): Piece[] | undefined => {
  const grammar = LANGUAGES.get(language.toLowerCase())
  if (!grammar || code.length > LONGEST_CODE) return undefined
  const pieces: Piece[] = []
  let at = 0
  const add = (text: string, kind?: string) => {
    if (text) pieces.push({ at, text, kind })
    at += text.length
  }
  for (const [i, line] of parse(code, grammar).lines.entries()) {
    if (i > 0) add('\n')
    const [annotation] = line.annotations
    const ofLine =
      annotation === 'diff-add' ? 'inserted' : annotation === 'diff-remove' ? 'deleted' : undefined
    if (ofLine) add(line.value, ofLine)
    else
      for (const [j, { type, value }] of line.tokens.entries()) {
        const isTag = grammar === html && /^[</]$/.test(line.tokens[j - 1]?.value ?? '')
        add(value, isTag ? 'keyword' : kindOf(type, value))
      }
  }
  return pieces.map(({ text }) => text).join('') === code ? pieces : undefined
}
