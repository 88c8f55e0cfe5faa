import type { Token, Tokens } from './parse.js'

/** A last line that has nothing but markup yet: what it is to become shows with the next characters. */
const MARKUP_ALONE =
  /(?:^|\n)[ \t>]*(?:[-+*=_#~`|:][-+*=_#~`|: \t]*|\d{1,9}[.)]?[ \t]*|(?:[-+*]|\d{1,9}[.)])[ \t]+\[[ xX]?\]?[ \t]*)$/
/** A link or an image whose address is still coming; its text is shown. */
const OPEN_LINK = /!?\[([^[\]\n]*)(?:\](?:\([^()\s]*)?)?$/
/** What may begin emphasis or code: something follows it, and no word is before it. */
const OPENERS = /(?<![\p{L}\p{N}*_~`\\])(\*{1,3}|_{1,3}|~~|`+)(?=[^\s*_~`])/gu
const DELIMITERS_AT_END = /(?<!\\)([*_]{1,3}|~{1,2}|`{1,2})$/

/** The text of the last paragraph, cell or list item, with a letter for what is complete in it. */
const openText = (token: Token): string => {
  const inside: Token[] | undefined =
    token.type === 'list'
      ? token.items.at(-1)?.tokens
      : token.type === 'table'
        ? (token.rows.at(-1) ?? token.header).findLast((cell: Tokens.TableCell) => cell.text !== '')?.tokens
        : 'tokens' in token
          ? token.tokens
          : undefined
  const last = inside?.at(-1)
  if (!inside || !last) return ''
  if (token.type === 'list' || token.type === 'blockquote' || token.type === 'list_item')
    return openText(last)
  return inside.map(({ type, raw }) => (type === 'text' ? raw : 'x')).join('')
}

/** The marks that would end what is open at the end of a text, the last one first. */
const closersOf = (text: string): string => {
  const open: string[] = []
  for (const [, mark = ''] of text.matchAll(OPENERS)) {
    open.unshift(mark)
    // Nothing else has a meaning in code.
    if (mark.startsWith('`')) break
  }
  return open.join('')
}

/** A table is one from its first line on, before the line below its head is complete. */
const completeTable = (text: string, hasDelimiters: boolean): string | undefined => {
  const head = text.slice(text.lastIndexOf('\n') + 1)
  const isHead = hasDelimiters ? head.includes('|') : /^\s*\|\s*[^|\s]/.test(head)
  if (!isHead) return undefined
  const cells = head
    .trim()
    .replace(/^\||(?<!\\)\|$/g, '')
    .split(/(?<!\\)\|/)
  return `${text}\n|${' --- |'.repeat(cells.length)}`
}

/** A fence that is about to be closed: the first of the marks are no code. */
const FENCE_BEGUN = /\n {0,3}(`{1,2}|~{1,2})$/

/** The end of a longer block is shown as it is: to look at all of it for each piece that comes would take too long. */
const LONGEST = 8_000

/**
 * The source of a block that is still being written, completed to what it is about to be: bold text is bold before its end is
 * there, a table is one from its head on, and marks that say nothing yet are left out. Code is as it is.
 */
export const completeTail = (token: Token): string => {
  const { raw } = token
  if (raw.length > LONGEST) return raw
  if (token.type === 'code') return raw.replace(FENCE_BEGUN, '\n')
  // The line below the head of a table is no markup alone.
  if (token.type === 'table' ? !token.rows[0] : token.type === 'space' || token.type === 'def') return raw
  const trimmed = raw.trimEnd()
  const text = raw.endsWith('\n') ? trimmed : trimmed.replace(MARKUP_ALONE, '')
  if (token.type === 'paragraph') {
    const cut = trimmed.slice(text.length)
    const table = completeTable(text, /^\n[ \t]*[|:-]/.test(cut) && cut.length > 1)
    if (table !== undefined) return table
  }
  const open = openText(token)
  const unlinked = OPEN_LINK.test(open) ? text.replace(OPEN_LINK, '$1') : text
  if (unlinked === raw && !/[*_~`]/.test(open)) return raw
  const bare = unlinked.replace(DELIMITERS_AT_END, '')
  const cutOpen = open.trimEnd().replace(OPEN_LINK, '$1').replace(DELIMITERS_AT_END, '')
  const closers = closersOf(cutOpen)
  // Marks at the end are the end of what is open, or begin something that has not come yet: neither says anything.
  const isEndOfWord = closers === '' && /[\p{L}\p{N}][*_~`]+$/u.test(unlinked)
  return (isEndOfWord || !/[*_~`]$/.test(open.trimEnd()) ? unlinked : bare) + closers
}
