import { renderMermaidSVG } from 'beautiful-mermaid'

// The colours of the guides' pages (src/docs/style.ts).
const light = { '--bg': '#ffffff', '--fg': '#1c2128', '--muted': '#59636e' }
const dark = { '--bg': '#14171c', '--fg': '#e3e6ea', '--muted': '#9aa4b0' }

const declare = (colors: Record<string, string>): string =>
  Object.entries(colors)
    .map(([name, value]) => `${name}:${value}`)
    .join(';')

/** A Mermaid diagram as SVG that asks for nothing, in light and in dark as the page around it is. */
export const drawDiagram = (text: string): string => {
  const svg = renderMermaidSVG(text, {
    bg: light['--bg'],
    fg: light['--fg'],
    muted: light['--muted'],
    font: 'system-ui',
    transparent: true,
  })
  const own = svg.replace(/@import url\([^)]*\);?/g, '')
  const themed = own.replace(
    '<style>',
    `<style>@media (prefers-color-scheme:dark){:root{${declare(dark).replace(/(?=;|$)/g, ' !important')}}}`,
  )
  if (/https?:\/\/(?!www\.w3\.org\/)|<script|<foreignObject/i.test(themed))
    throw new Error('The diagram asks for something.')
  return `${themed.trim()}\n`
}
