import { useEffect, useMemo, useState } from 'preact/hooks'
import { type Chat, ChatContext } from '../chat/chat.js'
import type { Session } from '../session/session.js'
import { type Store, StoreContext, useSelector } from '../store/store.js'
import { Announcer } from './announcer.js'
import { COMPOSER } from './composer/composer.js'
import { CostsDialog } from './dialogs/costs-dialog.js'
import { DeleteDialog } from './dialogs/delete-dialog.js'
import { DialogContext, type OpenDialog } from './dialogs/dialogs.js'
import { RenameDialog } from './dialogs/rename-dialog.js'
import { ShortcutsDialog } from './dialogs/shortcuts-dialog.js'
import { UsageDialog } from './dialogs/usage-dialog.js'
import { NoticeLine } from './notice.js'
import { listenToShortcuts } from './shortcuts.js'
import { SEARCH_FIELD, Sidebar, useNewChat } from './sidebar/sidebar.js'
import { SignedOut } from './signed-out.js'
import { ThreadView } from './thread/thread-view.js'

interface Props {
  session: Session
  store: Store
  chat: Chat
}

const focus = (id: string) => requestAnimationFrame(() => document.getElementById(id)?.focus())

/** Below this width the list lies over the conversation. */
const narrow = matchMedia('(max-width: 48rem)')

const useSidebar = () => {
  const open = useSelector((state) => state.open)
  const [isShown, setShown] = useState(!narrow.matches)
  // On a phone what was chosen is what is wanted.
  useEffect(() => {
    if (narrow.matches) setShown(false)
  }, [open])
  return [isShown, setShown] as const
}

const Dialogs = ({ dialog, onClose }: { dialog: OpenDialog | undefined; onClose: () => void }) => {
  if (!dialog) return null
  switch (dialog.kind) {
    case 'rename':
      return <RenameDialog id={dialog.id} onClose={onClose} />
    case 'delete':
      return <DeleteDialog id={dialog.id} onClose={onClose} />
    case 'shortcuts':
      return <ShortcutsDialog onClose={onClose} />
    case 'usage':
      return <UsageDialog onClose={onClose} />
    case 'costs':
      return <CostsDialog id={dialog.id} onClose={onClose} />
  }
}

const Page = ({ session, chat, store }: Props) => {
  const [isListShown, setListShown] = useSidebar()
  const [dialog, setDialog] = useState<OpenDialog>()
  const newChat = useNewChat()
  useEffect(
    () =>
      listenToShortcuts({
        search() {
          setListShown(true)
          focus(SEARCH_FIELD)
        },
        newChat,
        focusComposer: () => focus(COMPOSER),
        toggleSidebar: () => setListShown((isShown) => !isShown),
        stop: () => chat.turns.stop(store.state.open),
        showShortcuts: () => setDialog({ kind: 'shortcuts' }),
      }),
    [chat],
  )
  return (
    <DialogContext.Provider value={setDialog}>
      <div class={isListShown ? 'page page-with-list' : 'page'}>
        <button type="button" class="skip" onClick={() => focus(COMPOSER)}>
          Go to the message field
        </button>
        <Sidebar session={session} isShown={isListShown} onHide={() => setListShown(false)} />
        {isListShown && (
          <button
            type="button"
            class="scrim"
            tabIndex={-1}
            aria-label="Hide the list"
            onClick={() => setListShown(false)}
          />
        )}
        <ThreadView isListShown={isListShown} onShowList={() => setListShown(true)} />
      </div>
      <Dialogs dialog={dialog} onClose={() => setDialog(undefined)} />
      <NoticeLine />
      <Announcer />
    </DialogContext.Provider>
  )
}

const Content = (props: Props) => {
  const signedOut = useSelector((state) => state.signedOut)
  return signedOut ? <SignedOut signInUrl={props.session.signInUrl} /> : <Page {...props} />
}

export const App = (props: Props) => {
  const { store, chat } = useMemo(() => props, [])
  return (
    <StoreContext.Provider value={store}>
      <ChatContext.Provider value={chat}>
        <Content {...props} />
      </ChatContext.Provider>
    </StoreContext.Provider>
  )
}
