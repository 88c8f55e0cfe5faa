import { createContext } from 'preact'
import { useContext } from 'preact/hooks'

/** A dialog that is open, and the conversation that it is about. */
export type OpenDialog = { kind: 'rename' | 'delete' | 'costs'; id: string } | { kind: 'usage' | 'shortcuts' }

export const DialogContext = createContext<(dialog: OpenDialog) => void>(() => {})

/** What opens a dialog. */
export const useDialogs = () => useContext(DialogContext)
