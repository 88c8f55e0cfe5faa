import type { ComponentChildren } from 'preact'
import { decodeEntities } from './entities.js'
import type { Token, Tokens } from './parse.js'
import { hiddenHost, safeUrl, withoutBidiControls } from './safe-url.js'

/** The text of tokens without their markup. */
const textOf = (tokens: readonly Token[]): string =>
  tokens
    .map((token) =>
      'tokens' in token && token.tokens
        ? textOf(token.tokens)
        : decodeEntities('text' in token ? String(token.text) : ''),
    )
    .join('')

const Anchor = ({ url, text, children }: { url: URL; text: string; children: ComponentChildren }) => {
  const host = hiddenHost(text, url)
  return (
    <>
      <a
        class="markdown-link"
        href={url.href}
        title={url.href}
        target="_blank"
        rel="noopener noreferrer nofollow"
        referrerpolicy="no-referrer"
      >
        {children}
      </a>
      {host !== undefined && <span class="markdown-host"> ({host})</span>}
    </>
  )
}

/** A link, if its address may be one; else what it is called. */
const Link = ({ token }: { token: Tokens.Link }) => {
  const url = safeUrl(decodeEntities(token.href))
  const text = textOf(token.tokens)
  if (!url) return <Inline tokens={token.tokens} />
  return (
    <Anchor url={url} text={text}>
      {withoutBidiControls(text) === text ? <Inline tokens={token.tokens} /> : withoutBidiControls(text)}
    </Anchor>
  )
}

/** An image is a link to it: to load it would tell its server who reads the answer, and when. */
const Image = ({ token }: { token: Tokens.Image }) => {
  const url = safeUrl(decodeEntities(token.href))
  const text = withoutBidiControls(decodeEntities(token.text)) || url?.href || 'Image'
  if (!url) return text
  return (
    <Anchor url={url} text={text}>
      {text}
    </Anchor>
  )
}

const Task = ({ isDone }: { isDone: boolean }) => (
  <input type="checkbox" disabled checked={isDone} aria-label={isDone ? 'Done' : 'To do'} />
)

const element = (token: Token) => {
  switch (token.type) {
    case 'strong':
      return (
        <strong>
          <Inline tokens={token.tokens} />
        </strong>
      )
    case 'em':
      return (
        <em>
          <Inline tokens={token.tokens} />
        </em>
      )
    case 'del':
      return (
        <del>
          <Inline tokens={token.tokens} />
        </del>
      )
    case 'codespan':
      return <code class="markdown-inline-code">{token.text}</code>
    case 'br':
      return <br />
    case 'link':
      return <Link token={token as Tokens.Link} />
    case 'image':
      return <Image token={token as Tokens.Image} />
    case 'checkbox':
      return <Task isDone={token.checked === true} />
    case 'escape':
      return token.text
    default:
      return 'tokens' in token && token.tokens ? (
        <Inline tokens={token.tokens} />
      ) : (
        decodeEntities('text' in token ? String(token.text) : token.raw)
      )
  }
}

/** Text with its emphasis, code and links, as elements. What the parser does not know by name is shown as it was written. */
export const Inline = ({ tokens = [] }: { tokens?: readonly Token[] | undefined }) => (
  <>{tokens.map(element)}</>
)
