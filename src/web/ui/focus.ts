/** Screens that are touched: there the focus in a field brings up a keyboard, whose Enter is the only way to a new line. */
const touch = matchMedia('(hover: none)')

export const COMPOSER = 'composer'

const focus = (id: string): void => document.getElementById(id)?.focus()

/** Puts the focus on an element that may be about to be drawn. */
export const focusSoon = (id: string): void => {
  requestAnimationFrame(() => focus(id))
}

/** Where the focus goes when what had it is gone. */
export const focusComposer = (): void => {
  if (!touch.matches) focus(COMPOSER)
}

/** Whether a key sends a text: not in a word that is being composed, where Enter ends it; Safari tells that by the code alone. */
export const isSendKey = ({ key, shiftKey, isComposing, keyCode }: KeyboardEvent): boolean =>
  key === 'Enter' && !shiftKey && !isComposing && keyCode !== 229 && !touch.matches
