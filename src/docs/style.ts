/** The guides' style sheet: readable on a phone and on paper, in light and dark, without scripts. */
export const guideStyle = `
:root {
  color-scheme: light dark;
  --background: #fff; --surface: #f6f7f9; --text: #1c2128; --muted: #59636e; --border: #d8dee4; --accent: #0a58ca;
}
@media (prefers-color-scheme: dark) {
  :root {
    --background: #14171c; --surface: #1d2127; --text: #e3e6ea; --muted: #9aa4b0; --border: #343b44; --accent: #7db3ff;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 4rem; text-size-adjust: 100%; -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--background); color: var(--text);
  font: 1rem/1.6 system-ui, sans-serif; overflow-wrap: break-word;
}
a { color: var(--accent); text-underline-offset: 0.15em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 0.5rem; top: 0.5rem; z-index: 3; padding: 0.5rem; background: var(--background); }
header {
  position: sticky; top: 0; z-index: 2; display: flex; gap: clamp(0.75rem, 3vw, 1.25rem); align-items: center;
  height: 3.25rem; padding: 0.5rem max(1rem, calc((100% - 74rem) / 2));
  background: var(--background); border-bottom: 1px solid var(--border);
}
header a { color: var(--muted); text-decoration: none; }
header a:hover { color: var(--text); }
header .name { color: var(--text); font-weight: 650; }
header button {
  margin-left: auto; padding: 0.3rem 0.75rem; font: inherit; color: var(--text);
  background: var(--surface); border: 1px solid var(--border); border-radius: 0.4rem; cursor: pointer;
}
nav { border: 0; padding: 1rem; color: inherit; background: var(--background); font-size: 0.94rem; }
nav:popover-open {
  position: fixed; inset: 3.25rem 0 0; width: 100%; height: auto; margin: 0; overflow-y: auto;
}
nav:popover-open ul ul { display: none; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav ul ul { margin: 0.15rem 0 0.6rem 0.6rem; padding-left: 0.75rem; border-left: 1px solid var(--border); }
nav a { display: block; padding: 0.2rem 0; color: var(--muted); text-decoration: none; }
nav a:hover { color: var(--text); }
nav [aria-current] { color: var(--text); font-weight: 600; }
main { min-width: 0; max-width: 48rem; margin: 0 auto; padding: 1.5rem 1rem 5rem; }
h1, h2, h3 { line-height: 1.25; margin: 2.2em 0 0.6em; text-wrap: balance; }
h1 { margin-top: 0; font-size: 1.9rem; }
h2 { font-size: 1.4rem; padding-top: 0.8em; border-top: 1px solid var(--border); }
h3 { font-size: 1.12rem; }
.anchor { color: var(--muted); font-weight: 400; text-decoration: none; opacity: 0; }
:is(h1, h2, h3):hover .anchor, .anchor:focus { opacity: 1; }
code { font: 0.88em/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
:not(pre) > code { padding: 0.1em 0.3em; background: var(--surface); border-radius: 0.25rem; }
pre {
  line-height: 1.3; overflow-x: auto; padding: 0.9rem 1rem; background: var(--surface);
  border: 1px solid var(--border); border-radius: 0.5rem;
}
.table { overflow-x: auto; }
figure { margin: 1em 0; }
figure > a { display: block; overflow-x: auto; }
figure img { display: block; max-width: max(100%, 50rem); height: auto; margin: 0 auto; }
summary { color: var(--muted); font-size: 0.94rem; cursor: pointer; }
table { border-collapse: collapse; overflow-wrap: normal; font-size: 0.94rem; }
th, td { padding: 0.45rem 0.75rem 0.45rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--border); }
td code { overflow-wrap: normal; }
li { margin: 0.25em 0; }
blockquote { margin: 0; padding-left: 1rem; border-left: 3px solid var(--border); color: var(--muted); }
@media (max-width: 26rem) { header [href$='.md'] { display: none; } }
@media (min-width: 62rem) {
  body {
    display: grid; grid-template: auto 1fr / minmax(0, 17rem) minmax(0, 1fr);
    max-width: 76rem; margin: 0 auto;
  }
  header { grid-column: 1 / -1; padding-inline: 1rem; }
  header button { display: none; }
  nav#guides {
    display: block; position: sticky; inset: auto; top: 3.25rem; width: auto; margin: 0;
    height: calc(100vh - 3.25rem); overflow-y: auto; padding-top: 1.75rem;
  }
  main { margin: 0; padding: 1.75rem 1rem 6rem 2.5rem; }
}
@media print { header, nav, .anchor { display: none !important; } }
`.trimStart()
