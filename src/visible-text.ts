/**
 * A character that a reader can see: anything but white space, controls, format characters and those that Unicode lets programs ignore
 * (zero-width characters, variation selectors, Hangul fillers, tags). The Braille blank has no such property. The signs that span the
 * digits after them count as format characters, and are drawn.
 */
const visible =
  /[^\p{White_Space}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]|[\u0600-\u0605\u06DD\u070F\u0890\u0891\u08E2\u{110BD}\u{110CD}]/u

export const hasVisibleText = (text: string): boolean => visible.test(text)

/** The text from its first visible character on; empty when it has none. */
export const fromFirstVisible = (text: string): string => {
  const start = text.search(visible)
  return start < 0 ? '' : text.slice(start)
}
