/** Anything else (javascript:, data:, vbscript:, file:, addresses of this page) is shown as text and leads nowhere. */
const SAFE = /^(?:https?:\/\/|mailto:)/i
const PROTOCOLS = new Set(['http:', 'https:', 'mailto:'])

/** What makes text run the other way, so that an address can pretend to be another one. */
const BIDI_CONTROLS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

export const withoutBidiControls = (text: string): string => text.replace(BIDI_CONTROLS, '')

/** The address of a link as the browser will ask for it, when it is one that a link may lead to. */
export const safeUrl = (href: string): URL | undefined => {
  if (!SAFE.test(href) || !URL.canParse(href)) return undefined
  const url = new URL(href)
  return PROTOCOLS.has(url.protocol) ? url : undefined
}

/** What a reader would take for an address, with the host in it. */
const LOOKS_LIKE_ADDRESS =
  /^\s*(?:[a-z][a-z\d+.-]*:\/*)?(?:[^\s/@]*@)?([\p{L}\d-]+(?:\.[\p{L}\d-]+)+)(?=$|[\s/:?#])/iu

const withoutWww = (host: string) => host.replace(/^www\./, '')

/**
 * Where a link really leads, when its text may make a reader believe something else: the text is an address of another host,
 * has characters that turn its direction, or the address has a name before its host (https://bank.example@evil.example).
 */
export const hiddenHost = (text: string, url: URL): string | undefined => {
  if (url.protocol === 'mailto:') {
    const named = /[^\s@<>]+@[^\s@<>]+/.exec(text)?.[0]
    return named && !url.pathname.toLowerCase().includes(named.toLowerCase()) ? url.pathname : undefined
  }
  if (url.username || url.password || withoutBidiControls(text) !== text) return url.host
  const [, host] = LOOKS_LIKE_ADDRESS.exec(text) ?? []
  if (!host) return undefined
  const named = URL.canParse(`https://${host}`) ? new URL(`https://${host}`).hostname : host
  return withoutWww(named) === withoutWww(url.hostname) ? undefined : url.host
}
