import { type ParseOptions, parse } from 'sugar-high/core'
import * as c from 'sugar-high/lang/c'
import * as cpp from 'sugar-high/lang/cpp'
import * as csharp from 'sugar-high/lang/csharp'
import * as css from 'sugar-high/lang/css'
import * as diff from 'sugar-high/lang/diff'
import * as go from 'sugar-high/lang/go'
import * as html from 'sugar-high/lang/html'
import * as java from 'sugar-high/lang/java'
import * as javascript from 'sugar-high/lang/javascript'
import * as json from 'sugar-high/lang/json'
import * as kotlin from 'sugar-high/lang/kotlin'
import * as php from 'sugar-high/lang/php'
import * as python from 'sugar-high/lang/python'
import * as ruby from 'sugar-high/lang/ruby'
import * as rust from 'sugar-high/lang/rust'
import * as shell from 'sugar-high/lang/shell'
import * as sql from 'sugar-high/lang/sql'
import * as swift from 'sugar-high/lang/swift'
import * as toml from 'sugar-high/lang/toml'
import * as typescript from 'sugar-high/lang/typescript'
import * as yaml from 'sugar-high/lang/yaml'

/** The names that answers give to languages; a map, since `__proto__` is a name that somebody may write too. */
const LANGUAGES = new Map<string, ParseOptions>(
  (
    [
      [javascript, 'js javascript jsx mjs cjs node'],
      [typescript, 'ts typescript tsx mts cts'],
      [python, 'py python python3'],
      [json, 'json jsonc json5 ndjson'],
      [shell, 'sh bash zsh shell console terminal'],
      [sql, 'sql postgres postgresql mysql sqlite plpgsql'],
      [html, 'html xml svg htm xhtml vue'],
      [css, 'css scss less'],
      [go, 'go golang'],
      [rust, 'rs rust'],
      [java, 'java'],
      [c, 'c h'],
      [cpp, 'cpp c++ cc cxx hpp'],
      [csharp, 'cs c# csharp'],
      [kotlin, 'kt kotlin kts'],
      [swift, 'swift'],
      [php, 'php'],
      [ruby, 'rb ruby'],
      [yaml, 'yaml yml'],
      [toml, 'toml ini'],
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
    else for (const { type, value } of line.tokens) add(value, kindOf(type, value))
  }
  return pieces.map(({ text }) => text).join('') === code ? pieces : undefined
}
