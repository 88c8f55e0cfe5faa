import GithubSlugger from 'github-slugger'
import { Marked, type Tokens } from 'marked'
import { escapeMarkup } from '../escape-markup.js'

export interface Heading {
  id: string
  /** HTML */
  title: string
}

export interface RenderedMarkdown {
  html: string
  /** those of the second level, for a table of contents */
  headings: Heading[]
}

/**
 * Renders GitHub's Markdown. HTML in it is shown as text, and pictures are left out. Headings have the anchors that GitHub gives them.
 * `resolve` says where a link leads; a link without a place is plain text. `pictureOf` says where the picture of a Mermaid diagram
 * is; one without is shown as its text.
 */
export const renderMarkdown = (
  text: string,
  resolve: (href: string) => string | undefined,
  pictureOf: (diagram: string) => string | undefined = () => undefined,
): RenderedMarkdown => {
  const slugger = new GithubSlugger()
  const headings: Heading[] = []
  const marked = new Marked({ gfm: true })
  marked.use({
    renderer: {
      html: ({ text }: Tokens.HTML | Tokens.Tag) => escapeMarkup(text),
      image: ({ text }: Tokens.Image) => escapeMarkup(text),
      heading({ tokens, depth }: Tokens.Heading) {
        const title = this.parser.parseInline(tokens)
        const id = slugger.slug(this.parser.parseInline(tokens, this.parser.textRenderer))
        if (depth === 2) headings.push({ id, title })
        return `<h${depth} id="${id}">${title} <a class="anchor" href="#${id}" aria-label="Link to this section">#</a></h${depth}>\n`
      },
      link({ href, tokens }: Tokens.Link) {
        const title = this.parser.parseInline(tokens)
        const place = resolve(href)
        return place === undefined ? title : `<a href="${escapeMarkup(place)}">${title}</a>`
      },
      code({ text, lang = '' }: Tokens.Code) {
        const language = lang ? ` data-language="${escapeMarkup(lang)}"` : ''
        const pre = `<pre tabindex="0"${language}><code>${escapeMarkup(text)}\n</code></pre>\n`
        const picture = lang === 'mermaid' ? pictureOf(text) : undefined
        if (picture === undefined) return pre
        const img = `<img src="${picture}" alt="A diagram, whose text follows">`
        return `<figure><a href="${picture}">${img}</a><details><summary>As text</summary>${pre}</details></figure>\n`
      },
    },
  })
  const html = marked.parse(text, { async: false })
  return {
    // What is wider than the page is scrolled by itself, with the keyboard too.
    html: html
      .replaceAll('<table>', '<div class="table" tabindex="0"><table>')
      .replaceAll('</table>', '</table></div>'),
    headings,
  }
}
