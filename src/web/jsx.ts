/** What the build makes of elements: see scripts/build-web.ts. */
export { Fragment, h } from 'preact'
