import { escapeMarkup } from '../escape-markup.js'
import { pictureName } from './diagrams.js'
import { type Guide, readGuide } from './guides.js'
import { resolveLink } from './links.js'
import type { Heading } from './render.js'

const contentsOf = (headings: Heading[]): string =>
  headings.length === 0
    ? ''
    : `<ul>${headings.map(({ id, title }) => `<li><a href="#${id}">${title.replace(/<\/?a\b[^>]*>/g, '')}</a></li>`).join('')}</ul>`

/** The page of a guide, without scripts: its links lead to the pages beside it, whatever the address begins with. */
export const guidePage = async (
  guide: Guide,
  guides: readonly Guide[],
  pictures: Pick<Map<string, string>, 'has'>,
): Promise<string> => {
  // Loaded with the first page, since most servers never show one.
  const { renderMarkdown } = await import('./render.js')
  const { html, headings } = renderMarkdown(
    await readGuide(guide),
    (href) => resolveLink(guide, href, guides),
    (diagram) => (pictures.has(pictureName(diagram)) ? `diagrams/${pictureName(diagram)}` : undefined),
  )
  const entries = guides.map(({ slug, title }) =>
    slug === guide.slug
      ? `<li><a href="${slug}" aria-current="page">${escapeMarkup(title)}</a>${contentsOf(headings)}</li>`
      : `<li><a href="${slug}">${escapeMarkup(title)}</a></li>`,
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeMarkup(guide.title)} · Colloquy</title>
<meta name="description" content="${escapeMarkup(guide.purpose)}">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="guides.css">
<link rel="alternate" type="text/markdown" href="${guide.slug}.md">
</head>
<body>
<a class="skip" href="#content">Skip to the text</a>
<header>
<a class="name" href="${guides[0]?.slug}">Colloquy</a>
<a href="../../docs">Reference</a>
<a href="${guide.slug}.md">Markdown</a>
<button type="button" popovertarget="guides">Guides</button>
</header>
<nav id="guides" aria-label="Guides" popover>
<ul>
${entries.join('\n')}
</ul>
</nav>
<main id="content">
${html}</main>
</body>
</html>
`
}
