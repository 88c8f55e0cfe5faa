import { escapeMarkup } from '../src/escape-markup.js'

/** Colours for a light and a dark page; the text around decides which. Six lines are told apart, by dashes too. */
const style = `text{font:12px system-ui,sans-serif;fill:#57606a}.title{font-size:14px;font-weight:600;fill:#1f2328}
.grid{stroke:#d8dee4;fill:none}.line{fill:none;stroke-width:2;stroke-linejoin:round}
.c0{--c:#0969da}.c1{--c:#bc4c00}.c2{--c:#1a7f37}.c3{--c:#8250df}.c4{--c:#cf222e}.c5{--c:#57606a}
.line{stroke:var(--c)}.fill{fill:var(--c)}
@media(prefers-color-scheme:dark){text{fill:#9198a1}.title{fill:#f0f6fc}.grid{stroke:#3d444d}
.c0{--c:#4493f8}.c1{--c:#f0883e}.c2{--c:#3fb950}.c3{--c:#ab7df8}.c4{--c:#f85149}.c5{--c:#9198a1}}`

type Attributes = Record<string, string | number | undefined>

/** An element with its children, which are elements or escaped text. */
export const element = (name: string, attributes: Attributes, ...children: string[]): string => {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) =>
        ` ${key}="${escapeMarkup(typeof value === 'number' ? String(Math.round(value * 10) / 10) : `${value}`)}"`,
    )
    .join('')
  return children.length === 0 ? `<${name}${written}/>` : `<${name}${written}>${children.join('')}</${name}>`
}

type Anchor = 'start' | 'middle' | 'end'

export const textAt = (x: number, y: number, text: string, anchor: Anchor = 'start', type?: string): string =>
  element(
    'text',
    { x, y, 'text-anchor': anchor === 'start' ? undefined : anchor, class: type },
    escapeMarkup(text),
  )

/** What a pointer that rests on an element is told. */
export const tooltip = (text: string): string => element('title', {}, escapeMarkup(text))

/** A picture by itself, to be shown with `<img>`; `description` is for those who do not see it. */
export const svg = (width: number, height: number, description: string, ...children: string[]): string =>
  `${element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: 'img',
      'aria-label': description,
    },
    `<style>${style}</style>`,
    ...children.map((child) => `\n${child}`),
    '\n',
  )}\n`
