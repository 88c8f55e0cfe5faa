import GithubSlugger from 'github-slugger'
import { markdownLinks } from './markdown-links.js'

interface Read {
  /** where it was found in the end */
  url: string
  type: string
  links: string[]
  anchors: Set<string>
}

const anchorsOf = (markdown: string): Set<string> => {
  const slugger = new GithubSlugger()
  const headings = markdown.replace(/^```.*?^```/gms, '').matchAll(/^#+ (.+)$/gm)
  return new Set([...headings].map(([, title = '']) => slugger.slug(title.replace(/[`*]/g, ''))))
}

const decode = (text: string): string => text.replaceAll('&#39;', "'").replaceAll('&amp;', '&')

const found = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, value = '']) => decode(value))

const read = async (url: string): Promise<Read | string> => {
  const response = await fetch(url)
  const type = response.headers.get('content-type') ?? ''
  const text = await response.text()
  if (response.status !== 200) return `${response.status}`
  if (type.startsWith('text/html')) {
    return {
      url: response.url,
      type,
      links: found(text, /href="([^"]*)"/g),
      anchors: new Set(found(text, /id="([^"]*)"/g)),
    }
  }
  const isMarkdown = type.startsWith('text/markdown') || url.endsWith('/llms.txt')
  return isMarkdown
    ? {
        url: response.url,
        type,
        links: markdownLinks(text),
        anchors: anchorsOf(text),
      }
    : { url: response.url, type, links: [], anchors: new Set() }
}

/**
 * Reads a page, and whatever its links lead to on the same server, pages and Markdown. Gives what was read by its path, and each
 * link that leads nowhere, to another place than the web, or to a heading that is not there.
 */
export const crawl = async (start: string): Promise<{ read: Map<string, string>; dead: string[] }> => {
  const { origin } = new URL(start)
  const pages = new Map<string, Read | string>()
  const dead: string[] = []
  const waiting = [start]
  for (let url = waiting.shift(); url !== undefined; url = waiting.shift()) {
    const page = pages.get(url) ?? (await read(url))
    pages.set(url, page)
    if (typeof page === 'string') continue
    for (const href of page.links) {
      const target = URL.canParse(href, page.url) ? new URL(href, page.url) : undefined
      if (target?.protocol === 'data:') continue
      if (target?.protocol !== new URL(origin).protocol && target?.protocol !== 'https:')
        dead.push(`${url}: ${href}`)
      if (target?.origin !== origin) continue
      const address = `${origin}${target.pathname}`
      const linked = pages.get(address) ?? (await read(address))
      if (!pages.has(address)) {
        pages.set(address, linked)
        waiting.push(address)
      }
      const anchor = decodeURIComponent(target.hash.slice(1))
      if (typeof linked === 'string') dead.push(`${url}: ${href} is answered with ${linked}`)
      else if (anchor !== '' && !linked.anchors.has(anchor)) dead.push(`${url}: ${href} has no such heading`)
    }
  }
  const types = [...pages].map(([url, page]): [string, string] => [
    url.slice(origin.length),
    typeof page === 'string' ? page : page.type,
  ])
  return { read: new Map(types), dead }
}
