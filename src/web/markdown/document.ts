import { type Links, parseBlocks, type Token, type Tokens } from './parse.js'
import { completeTail } from './unfinished.js'

export interface Block {
  /** where it begins in the text: the same as long as the text before it is the same */
  start: number
  token: Token
  /** whether more of it may come */
  isOpen: boolean
}

export interface MarkdownDocument {
  /** The blocks of a text. Blocks that cannot change by what is added to it are the same objects as before. */
  update(text: string, isStreaming: boolean): readonly Block[]
}

const isDefinition = (token: Token): token is Tokens.Def => token.type === 'def'

/**
 * Parses a text that grows: only from its last block on. A block is final when another one begins after it, with two whole lines;
 * how these go on may still change the block before (a `#` may become a heading or a part of the paragraph).
 */
export const createDocument = (): MarkdownDocument => {
  let text = ''
  let final: Block[] = []
  let links: Links = Object.create(null)

  /** Keeps the addresses that blocks define, and returns whether blocks before them may need one. */
  const learn = (tokens: Token[]): boolean => {
    const found = tokens.filter(isDefinition).filter(({ tag }) => !Object.hasOwn(links, tag))
    for (const { tag, href, title } of found) links[tag] ??= { href, title }
    return found.length > 0
  }

  /** Moves the blocks of a parsed tail that are final, and returns how many. */
  const takeFinal = (tail: string, start: number, tokens: Token[]): number => {
    // A head of a table, or a heading that is underlined, begins with the line before the one that says so.
    const undecided = tail.lastIndexOf('\n', tail.lastIndexOf('\n') - 1) + 1
    const ends: number[] = []
    let last = 0
    let at = 0
    for (const [i, { type, raw }] of tokens.entries()) {
      // The parser has changed the text, so that nobody knows where the block is.
      if (!tail.startsWith(raw, at)) break
      if (at < undecided && type !== 'space') last = i
      at += raw.length
      ends.push(at)
    }
    for (const [i, token] of tokens.slice(0, last).entries()) {
      final.push({ start: start + (ends[i - 1] ?? 0), token, isOpen: false })
    }
    text += tail.slice(0, ends[last - 1] ?? 0)
    return last
  }

  const openBlocks = (start: number, tokens: Token[], isStreaming: boolean): Block[] => {
    const last = tokens.at(-1)
    const shown =
      isStreaming && last ? [...tokens.slice(0, -1), ...parseBlocks(completeTail(last), links)] : tokens
    let at = start
    return shown.map((token) => {
      const block = { start: at, token, isOpen: isStreaming }
      at += token.raw.length
      return block
    })
  }

  const reset = () => {
    text = ''
    final = []
  }

  const update = (next: string, isStreaming: boolean): readonly Block[] => {
    // At its end it is read as a whole, since a list or a quote may define a link as well.
    if (!isStreaming || !next.startsWith(text)) {
      reset()
      links = Object.create(null)
    }
    const start = text.length
    const tokens = parseBlocks(next.slice(start), links)
    const isFirst = start === 0
    const taken = takeFinal(next.slice(start), start, tokens)
    // What is open defines no link yet: its address may be a part of one.
    if (learn(tokens.slice(0, taken)) && !isFirst) {
      reset()
      return update(next, isStreaming)
    }
    return [...final, ...openBlocks(text.length, tokens.slice(taken), isStreaming)]
  }

  return { update: (next, isStreaming) => update(next.replace(/\r\n?/g, '\n'), isStreaming) }
}
