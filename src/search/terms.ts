import { digraphs, fold, formsOf, marks } from './fold.js'
import { isShortWord, slicesOfTerm } from './signature.js'

/** What is not part of a word. The patterns use only what PostgreSQL and JavaScript read alike, in any locale. */
const notWord =
  '\\u0001-/:-@\\[-^`{-\\u00a9\\u00ab-\\u00b1\\u00b4\\u00b6-\\u00b8\\u00bb\\u00bf\\u00d7\\u00f7\\u2000-\\u206f\\u2e00-\\u2e7f\\u3000-\\u303f\\uff00-\\uff0f\\uff1a-\\uff20'
/** A letter of a word, as a pattern. */
export const word = `[^${notWord}]`
const startOfWord = `(?<!${word})`
const endOfWord = `(?!${word})`
/** The same for PostgreSQL, which takes fifty times as long for a lookaround. */
const beforeWord = `(?:^|[${notWord}])`
const afterWord = `(?:$|[${notWord}])`

/** Matches a pattern as a whole word. */
export const wholeWord = (pattern: string): string => startOfWord + pattern + endOfWord

/** A term as search_messages.sql takes it, and as it is highlighted. */
export interface Term {
  highlight: string
  /** matches it anywhere that counts */
  any: string
  /** at the beginning of a word */
  start: string
  /** as a whole word */
  whole: string
  /** the folded word, where it can have a stem */
  word: string | null
  /** the pattern of what comes before a word */
  before: string
  /** a pattern for each letter of `word` */
  pieces: string[]
  /** the slices that an entry with the term has */
  slices: number[]
  /** those of the trigrams of `word`, in order */
  trigrams: number[]
}

export interface Query {
  terms: Term[]
  /** matches all the terms in a row; null when there is one */
  phrase: string | null
}

/** PostgreSQL keeps 32 compiled patterns at most: two for each term, and one for the phrase. */
const maxTerms = 15
/** Up to so many terms have patterns for the beginnings of words and for stems, too. */
const maxRankedTerms = 5
/** More say little more, and each is read for each segment. */
const maxSlices = 6

const escaped = (letter: string): string => letter.replace(/[\\\]^[-]/g, '\\$&')

const pieceOf = (letter: string): string => {
  if (letter === ' ') return '[ \\u0009-\\u000d\\u00a0\\u2000-\\u200a\\u3000]+'
  return `[${[...formsOf(letter)].map(escaped).join('')}]`
}

/** The pattern of folded letters. Their accents may be letters of their own. */
const patternOf = (letters: readonly string[]): string => {
  let pattern = ''
  for (let n = 0; n < letters.length; n += 1) {
    const letter = letters[n] ?? ''
    const between = pattern === '' ? '' : `[${marks}]*`
    const ones = digraphs[`${letter}${letters[n + 1]}`]
    if (ones) {
      pattern += `${between}(?:${pieceOf(letter)}[${marks}]*${pieceOf(letters[n + 1] ?? '')}|[${ones}])`
      n += 1
    } else pattern += between + pieceOf(letter)
  }
  return pattern
}

/** At most so many, from all over the term. */
const spread = (slices: number[]): number[] => {
  const distinct = [...new Set(slices)]
  if (distinct.length <= maxSlices) return distinct
  return Array.from(
    { length: maxSlices },
    (_, n) => distinct[Math.floor((n * distinct.length) / maxSlices)] ?? 0,
  )
}

const termOf = (folded: string): Term => {
  const letters = [...folded]
  const pattern = patternOf(letters)
  const start = beforeWord + pattern
  const isShort = isShortWord(letters)
  const isWord = /^\p{L}{4,40}$/u.test(folded) && letters.length === folded.length
  return {
    highlight: isShort ? startOfWord + pattern : pattern,
    any: isShort ? start : pattern,
    start,
    whole: start + afterWord,
    word: isWord ? folded : null,
    before: beforeWord,
    pieces: isWord ? letters.map((letter) => `${pieceOf(letter)}[${marks}]*`) : [],
    slices: spread(slicesOfTerm(letters)),
    trigrams: isWord ? slicesOfTerm(letters) : [],
  }
}

/** The words of a query; what is in double quotes is one. Never fails: what is odd is searched as it stands. */
const split = (folded: string): string[] => {
  const parts = [...folded.matchAll(/"([^"]*)"|([^\s"]+)/g)].map(([, quoted, bare]) =>
    (quoted ?? bare ?? '').trim(),
  )
  const terms = parts.filter((part) => part !== '')
  if (terms.length === 0) return [folded.trim()]
  // What people put around words is not searched.
  const bared = terms.map((term) =>
    term.replace(/^[.,;:!?¿¡…。、]+(?=[\p{L}\p{N}])|(?<=[\p{L}\p{N}])[.,;:!?…。、]+$/gu, ''),
  )
  return bared.length > maxTerms
    ? [...bared.slice(0, maxTerms - 1), bared.slice(maxTerms - 1).join(' ')]
    : bared
}

export const parseQuery = (text: string): Query => {
  // Accents alone are nothing when folded.
  const folded = fold(text.replaceAll(/[“”„«»「」]/g, '"')).trim() || text.trim()
  const words = split(folded)
  const terms = [...new Set(words)].map(termOf)
  if (terms.length > maxRankedTerms)
    for (const term of terms) Object.assign(term, { start: term.any, word: null, pieces: [] })
  const phrase = words.map((each) => patternOf([...each])).join(`(?:[${notWord}]){1,4}`)
  return { terms, phrase: words.length > 1 ? phrase : null }
}
