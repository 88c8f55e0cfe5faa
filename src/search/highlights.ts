import { type Query, wholeWord } from './terms.js'

export interface Highlight {
  start: number
  end: number
}

/** How many code points an excerpt has, and how many of them may come before the first match. */
const excerptLength = 240
const before = 60

const codePointsIn = (text: string, end: number): number => {
  let count = 0
  for (let i = 0; i < end; count += 1) i += (text.codePointAt(i) ?? 0) > 0xffff ? 2 : 1
  return count
}

/** Every match of these patterns, in code units; overlapping ones are one. */
const matchesIn = (text: string, patterns: readonly RegExp[]): Highlight[] => {
  const all = patterns
    .flatMap((pattern) => [...text.matchAll(pattern)])
    .map(({ index, 0: match }) => ({ start: index, end: index + match.length }))
    .sort((a, b) => a.start - b.start || b.end - a.end)
  const joined: Highlight[] = []
  for (const each of all) {
    const last = joined.at(-1)
    if (last && each.start < last.end) last.end = Math.max(last.end, each.end)
    else if (each.end > each.start) joined.push({ ...each })
  }
  return joined
}

/** Where a word begins near this place, so that an excerpt begins with a whole one. */
const wordStartFrom = (text: string, at: number, end: number): number => {
  const space = /\s+/g
  space.lastIndex = at
  const found = space.exec(text)
  return found && space.lastIndex <= end ? space.lastIndex : at
}

/**
 * The piece of a text around its first match, and where the matches are in it, in code points. `isCut` says that a longer
 * text comes before it.
 */
export const excerptOf = (
  text: string,
  isCut: boolean,
  patterns: readonly RegExp[],
): { excerpt: string; highlights: Highlight[] } => {
  const matches = matchesIn(text, patterns)
  const first = matches[0]?.start ?? 0
  const letters = [...text]
  const firstPoint = codePointsIn(text, first)
  const isWhole = !isCut && (firstPoint <= before || letters.length <= excerptLength)
  const start = isWhole
    ? 0
    : wordStartFrom(text, letters.slice(0, Math.max(0, firstPoint - before)).join('').length, first)
  const excerpt = [...text.slice(start)].slice(0, excerptLength).join('')
  const highlights = matches
    .filter((each) => each.start >= start && each.start < start + excerpt.length)
    .map((each) => ({
      start: codePointsIn(excerpt, each.start - start),
      end: codePointsIn(excerpt, Math.min(each.end - start, excerpt.length)),
    }))
  return { excerpt, highlights }
}

const literal = (word: string): string => word.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')

/** What is highlighted: the terms, and the words of the same stem that were found. */
export const patternsOf = ({ terms }: Query, stemmed: readonly string[]): RegExp[] => [
  ...terms.map(({ highlight }) => new RegExp(highlight, 'gu')),
  ...stemmed.map((each) => new RegExp(wholeWord(literal(each)), 'gu')),
]
