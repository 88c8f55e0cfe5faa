import { useState } from 'preact/hooks'
import { stored } from '../stored.js'

const CHOSEN_THEME = 'colloquy-theme'
export type Theme = 'light' | 'dark'

const chosenTheme = (): Theme | undefined => {
  const chosen = stored('localStorage', CHOSEN_THEME)
  return chosen === 'light' || chosen === 'dark' ? chosen : undefined
}

const systemTheme = (): Theme => (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')

/** Shows the theme that was chosen before; without one the styles follow the system. */
export const applyTheme = (): void => {
  const theme = chosenTheme()
  if (theme) document.documentElement.dataset.theme = theme
}

/** The theme, and what switches it. */
export const useTheme = (): [Theme, () => void] => {
  const [theme, setTheme] = useState(() => chosenTheme() ?? systemTheme())
  const toggle = () => {
    const next = theme === 'dark' ? 'light' : 'dark'
    stored('localStorage', CHOSEN_THEME, next)
    document.documentElement.dataset.theme = next
    setTheme(next)
  }
  return [theme, toggle]
}
