import { posix } from 'node:path'
import type { Guide } from './guides.js'

/** Where links to other files than guides lead; the path of the file follows. */
export const filesFolder = 'files/'

/** What is served elsewhere, seen from a guide's page. */
const servedElsewhere: Record<string, string> = { 'contracts/chat-api.yaml': '../../openapi.yaml' }

const webProtocols = new Set(['http:', 'https:', 'mailto:'])

const hasProtocol = (href: string): boolean => /^[a-z][a-z\d+.-]*:/i.test(href) || href.startsWith('//')

/** The path of the file from the package's root that a guide links; undefined when it links none. */
export const linkedFile = ({ path }: Pick<Guide, 'path'>, href: string): string | undefined => {
  const [file = ''] = href.split('#', 1)
  return file === '' || hasProtocol(href) ? undefined : posix.join(posix.dirname(path), file)
}

/**
 * Resolves the link of a guide for its page, beside which the pages of all other guides are. Undefined where a page must not
 * link what the guide does. Guides are linked as pages, or as the Markdown of their pages.
 */
export const resolveLink = (
  guide: Guide,
  href: string,
  guides: readonly Guide[],
  format: 'page' | 'markdown' = 'page',
): string | undefined => {
  if (hasProtocol(href))
    return URL.canParse(href) && webProtocols.has(new URL(href).protocol) ? href : undefined
  const file = linkedFile(guide, href)
  if (file === undefined) return href
  const [, anchor] = href.split('#')
  const target = guides.find(({ path }) => path === file)
  const page = target && `${target.slug}${format === 'markdown' ? '.md' : ''}`
  return `${page ?? servedElsewhere[file] ?? `${filesFolder}${file}`}${anchor ? `#${anchor}` : ''}`
}

/** A fenced block, code in a line, or a link: what comes first at a place. */
const codeOrLink = /^```.*?^```|`[^`\n]+`|\]\(([^)\s]+)\)/gms

/** Where the links of Markdown lead, but for what stands in code. */
export const linksOf = (text: string): string[] =>
  [...text.matchAll(codeOrLink)].flatMap(([, href]) => (href === undefined ? [] : [href]))

/** The Markdown of a guide, with its links as they are where it is served. */
export const resolveLinks = (text: string, guide: Guide, guides: readonly Guide[]): string =>
  text.replace(codeOrLink, (found: string, href: string | undefined) =>
    href === undefined ? found : `](${resolveLink(guide, href, guides, 'markdown') ?? ''})`,
  )
