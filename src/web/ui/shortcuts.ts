/** What the page does by the keyboard, wherever the focus is. */
export interface ShortcutActions {
  search: () => void
  newChat: () => void
  focusComposer: () => void
  toggleSidebar: () => void
  stop: () => void
  showShortcuts: () => void
}

interface Shortcut {
  /** as the dialog says it */
  keys: string
  what: string
  action: keyof ShortcutActions
  matches: (event: KeyboardEvent) => boolean
}

const isMac = /mac|iphone|ipad/i.test(navigator.platform)
const hasCommand = (event: KeyboardEvent): boolean => (isMac ? event.metaKey : event.ctrlKey)
const command = isMac ? '⌘' : 'Ctrl'

const isTyping = ({ target }: KeyboardEvent): boolean =>
  target instanceof HTMLElement && target.matches('input, textarea, select')

const withShift = (key: string) => (event: KeyboardEvent) =>
  hasCommand(event) && event.shiftKey && event.key.toLowerCase() === key

export const shortcuts: readonly Shortcut[] = [
  {
    keys: `${command} + K`,
    what: 'Search',
    action: 'search',
    matches: (event) => hasCommand(event) && !event.shiftKey && event.key.toLowerCase() === 'k',
  },
  { keys: `${command} + Shift + O`, what: 'Begin a new chat', action: 'newChat', matches: withShift('o') },
  {
    keys: `${command} + Shift + S`,
    what: 'Show or hide the list',
    action: 'toggleSidebar',
    matches: withShift('s'),
  },
  {
    keys: '/',
    what: 'Go to the message field',
    action: 'focusComposer',
    matches: (event) => event.key === '/' && !hasCommand(event) && !isTyping(event),
  },
  { keys: 'Escape', what: 'Stop the answer', action: 'stop', matches: ({ key }) => key === 'Escape' },
  {
    keys: '?',
    what: 'Show this list',
    action: 'showShortcuts',
    matches: (event) => event.key === '?' && !isTyping(event),
  },
]

/** Listens until the returned function is called. Dialogs and menus have their keys for themselves. */
export const listenToShortcuts = (actions: ShortcutActions): (() => void) => {
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.isComposing) return
    if (document.querySelector('dialog[open], [popover]:popover-open')) return
    const shortcut = shortcuts.find(({ matches }) => matches(event))
    if (!shortcut) return
    if (shortcut.action !== 'stop') event.preventDefault()
    actions[shortcut.action]()
  }
  addEventListener('keydown', onKeyDown)
  return () => removeEventListener('keydown', onKeyDown)
}
