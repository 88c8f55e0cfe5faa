export interface Kind {
  kind: string
  q: string
}

const syllables = 'ba co de fi gu ha lo mi nu pe ra si to va we ing er tion ly ment'.split(' ')

/** Words of two to four syllables, each its own. */
export const vocabulary = Array.from({ length: 8_000 }, (_, n) => {
  const digits = [...(n + 20).toString(20)].map((digit) => syllables[Number.parseInt(digit, 20)])
  return digits.join('')
})
const word = (n: number): string => vocabulary[n] ?? ''

/** A query of each kind. Word n comes about as often as the n-th of a language. */
export const queries: Kind[] = [
  { kind: 'a word in most messages', q: word(1) },
  { kind: 'a word in every twentieth', q: word(300) },
  { kind: 'a rare word', q: word(7_900) },
  { kind: 'a word of the same stem', q: `${word(2_000)}s` },
  { kind: 'a part of a word', q: word(3_000).slice(1) },
  { kind: 'two common words', q: `${word(20)} ${word(30)}` },
  { kind: 'a common and a rare one', q: `${word(2)} ${word(7_000)}` },
  { kind: 'words in a row', q: `"${word(5)} ${word(6)}"` },
  { kind: 'code', q: 'foo_bar(x)' },
  { kind: 'two letters', q: 'lo' },
  { kind: 'nothing', q: 'qqqzzz' },
]

/** What costs most, which somebody could ask on purpose. */
export const costlyQueries: Kind[] = [
  { kind: 'five parts of words, in every message', q: 'men ent tio ion ing' },
  { kind: 'five words whose stems begin most words', q: 'ingings erings tioning lying menting' },
  {
    kind: 'twenty common words',
    q: Array.from({ length: 20 }, (_, n) => word(n)).join(' '),
  },
  {
    kind: 'twenty common words in a row',
    q: `"${Array.from({ length: 20 }, (_, n) => word(n)).join(' ')}"`,
  },
]
