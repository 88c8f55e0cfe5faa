import { CodeBlock } from './code-block.js'
import { Inline } from './inline.js'
import type { Token, Tokens } from './parse.js'

interface BlockProps {
  token: Token
  isOpen: boolean
}

/** The page has a first-level heading already. */
const HEADINGS = ['h2', 'h3', 'h4', 'h5', 'h6', 'h6'] as const

const Heading = ({ token }: { token: Tokens.Heading }) => {
  const Tag = HEADINGS[token.depth - 1] ?? 'h6'
  return (
    <Tag dir="auto">
      <Inline tokens={token.tokens} />
    </Tag>
  )
}

/** The direction of a block of blocks, which `dir=auto` does not see: by its first letter. */
const directionOf = ({ raw }: Token) =>
  /^\P{L}*[\p{Script=Arab}\p{Script=Hebr}\p{Script=Syrc}\p{Script=Thaa}\p{Script=Nkoo}]/u.test(raw)
    ? 'rtl'
    : 'auto'

/** What is a name of a language, and not a sentence or an attack on the page's layout. */
const languageOf = (info: string | undefined) => /^[\w+#.-]{1,24}/.exec(info ?? '')?.[0] ?? ''

const Item = ({ item, isOpen }: { item: Tokens.ListItem; isOpen: boolean }) => (
  <li class={item.task ? 'markdown-task' : undefined}>
    <Blocks tokens={item.tokens} isOpen={isOpen} />
  </li>
)

const List = ({ token, isOpen }: { token: Tokens.List; isOpen: boolean }) => {
  const items = token.items.map((item, i) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: items are only ever added at the end
    <Item key={i} item={item} isOpen={isOpen && i === token.items.length - 1} />
  ))
  const Tag = token.ordered ? 'ol' : 'ul'
  return (
    <Tag dir={directionOf(token)} start={token.ordered ? Number(token.start) : undefined}>
      {items}
    </Tag>
  )
}

const alignment = (align: string | null) => (align ? `markdown-${align}` : undefined)

const Table = ({ token }: { token: Tokens.Table }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: wide tables are scrolled with the keyboard
  <div class="markdown-table" dir={directionOf(token)} tabIndex={0}>
    <table>
      <thead>
        <tr>
          {token.header.map(({ tokens, align }, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: columns have no other identity than their place
            <th key={i} scope="col" dir="auto" class={alignment(align)}>
              <Inline tokens={tokens} />
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {token.rows.map((row, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: rows are only ever added at the end
          <tr key={i}>
            {row.map(({ tokens, align }, j) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: as above
              <td key={j} dir="auto" class={alignment(align)}>
                <Inline tokens={tokens} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </div>
)

/** A block of a text, and what is in it. */
export const Block = ({ token, isOpen }: BlockProps) => {
  switch (token.type) {
    case 'space':
    case 'def':
      return null
    case 'heading':
      return <Heading token={token as Tokens.Heading} />
    case 'code':
      return <CodeBlock code={token.text} language={languageOf(token.lang)} isOpen={isOpen} />
    case 'list':
      return <List token={token as Tokens.List} isOpen={isOpen} />
    case 'table':
      return <Table token={token as Tokens.Table} />
    case 'blockquote':
      return (
        <blockquote dir={directionOf(token)}>
          <Blocks tokens={token.tokens ?? []} isOpen={isOpen} />
        </blockquote>
      )
    case 'hr':
      return <hr />
    case 'paragraph':
      return (
        <p dir="auto">
          <Inline tokens={token.tokens} />
        </p>
      )
    default:
      return <Inline tokens={[token]} />
  }
}

const Blocks = ({ tokens, isOpen }: { tokens: readonly Token[]; isOpen: boolean }) => (
  <>
    {tokens.map((token, i) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: blocks are only ever added at the end
      <Block key={i} token={token} isOpen={isOpen && i === tokens.length - 1} />
    ))}
  </>
)
