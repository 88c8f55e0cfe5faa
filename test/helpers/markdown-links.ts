import { lexer, type MarkedToken, walkTokens } from 'marked'

/** Where the links of Markdown lead, as a parser has them and not as the program finds them. */
export const markdownLinks = (text: string): string[] => {
  const links: string[] = []
  walkTokens(lexer(text), (token) => {
    const { type, href } = token as MarkedToken & { href?: string }
    if ((type === 'link' || type === 'image') && href !== undefined) links.push(href)
  })
  return links
}
