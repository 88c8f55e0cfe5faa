/** What the browser keeps for the page, or is to keep; nothing where its settings forbid that. */
export const stored = (
  storage: 'localStorage' | 'sessionStorage',
  name: string,
  value?: string,
): string | null => {
  try {
    if (value !== undefined) window[storage].setItem(name, value)
    return window[storage].getItem(name)
  } catch {
    return null
  }
}
