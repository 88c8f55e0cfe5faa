import { Lexer, type Links, type Token, Tokenizer, type Tokens, type TokensList } from 'marked'

/** Deeper lists, quotes and emphasis are shown as text: nobody reads them, and each level takes a part of the stack. */
const MOST_LEVELS = 24
/** Longer lines are paragraphs without looking for anything else in them. */
const LONGEST_LINE = 10_000
/** A longer list, quote, table or paragraph is taken in pieces, between which the time is looked at. */
const LONGEST_BLOCK = 30_000
/** Emphasis and links are looked for in pieces of this length, since the search takes the square of it at worst. */
const LONGEST_INLINE = 4_000
/** What is not done by then is shown as text. Answers take a hundredth of it; only texts made for it take longer. */
const MOST_MS = 500

export type { Links, Token, Tokens }

/** The beginning of a text, of at most a length, and up to a separator if it can. */
const beginning = (text: string, longest: number, separator: string): string => {
  if (text.length <= longest) return text
  const end = text.lastIndexOf(separator, longest - 1) + 1
  return text.slice(0, end > longest / 2 ? end : longest)
}

const textToken = (text: string): Tokens.Text => ({ type: 'text', raw: text, text, escaped: false })

/** The parser's rules, without HTML: what looks like it is text, but for line breaks, which tables cannot have otherwise. */
class BoundedTokenizer extends Tokenizer {
  #level = 0

  #nested<T>(parse: () => T): T | undefined {
    if (this.#level >= MOST_LEVELS) return undefined
    this.#level += 1
    try {
      return parse()
    } finally {
      this.#level -= 1
    }
  }

  override space(src: string) {
    return super.space(beginning(src, LONGEST_BLOCK, '\n'))
  }

  override blockquote(src: string) {
    return this.#nested(() => super.blockquote(beginning(src, LONGEST_BLOCK, '\n')))
  }

  override list(src: string) {
    return this.#nested(() => super.list(beginning(src, LONGEST_BLOCK, '\n')))
  }

  override table(src: string) {
    return super.table(beginning(src, LONGEST_BLOCK, '\n'))
  }

  override lheading(src: string) {
    return super.lheading(beginning(src, LONGEST_BLOCK, '\n'))
  }

  override paragraph(src: string) {
    return super.paragraph(beginning(src, LONGEST_BLOCK, '\n'))
  }

  override html() {
    return undefined
  }

  override tag(src: string) {
    const [raw] = /^<br *\/?>/i.exec(src) ?? []
    return raw === undefined ? undefined : ({ type: 'br', raw } as unknown as Tokens.Tag)
  }
}

/** Takes what is too long for the parser's rules, or comes too late, as a paragraph of plain text. */
function tooMuch(this: { lexer: BoundedLexer }, src: string): Tokens.Paragraph | undefined {
  const { lexer } = this
  const lineEnd = lexer.isLate() ? src.length : src.indexOf('\n') + 1 || src.length
  if (lineEnd <= LONGEST_LINE && !lexer.isLate()) return undefined
  const text = src.slice(0, lineEnd)
  return { type: 'paragraph', raw: text, text, tokens: lexer.inline(text) }
}

class BoundedLexer extends Lexer {
  #level = 0
  readonly #deadline = performance.now() + MOST_MS

  constructor() {
    const extensions = { block: [tooMuch], renderers: {}, childTokens: {} }
    super({ gfm: true, tokenizer: new BoundedTokenizer(), extensions: extensions as never })
  }

  isLate(): boolean {
    return performance.now() > this.#deadline
  }

  override inlineTokens(src: string, tokens: Token[] = []): Token[] {
    this.#level += 1
    for (let rest = src; rest; ) {
      const isTooMuch = this.#level > MOST_LEVELS || this.isLate()
      const piece = isTooMuch ? rest : beginning(rest, LONGEST_INLINE, ' ')
      if (isTooMuch) tokens.push(textToken(piece))
      else super.inlineTokens(piece, tokens)
      rest = rest.slice(piece.length)
    }
    this.#level -= 1
    return tokens
  }

  /** Parses a part of a text whose other parts define links. */
  lexWith(src: string, links: Readonly<Links>): TokensList {
    this.blockTokens(src, this.tokens)
    for (const [tag, link] of Object.entries(links)) this.tokens.links[tag] ??= link
    for (const { src: text, tokens } of this.inlineQueue) this.inlineTokens(text, tokens)
    return this.tokens
  }
}

/** The blocks of a text with `\n` as line ends. What the parser cannot do is one paragraph of plain text. */
export const parseBlocks = (text: string, links: Readonly<Links> = {}): Token[] => {
  try {
    return new BoundedLexer().lexWith(text, links)
  } catch {
    return [{ type: 'paragraph', raw: text, text, tokens: [textToken(text)] }]
  }
}
