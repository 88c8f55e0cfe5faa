import { useEffect, useMemo, useState } from 'preact/hooks'
import { type Chat, ChatContext } from '../chat/chat.js'
import type { Session } from '../session/session.js'
import { type Store, StoreContext, useSelector } from '../store/store.js'
import { Announcer } from './announcer.js'
import { CostsDialog } from './dialogs/costs-dialog.js'
import { DeleteDialog } from './dialogs/delete-dialog.js'
import { DialogContext, type OpenDialog } from './dialogs/dialogs.js'
import { RenameDialog } from './dialogs/rename-dialog.js'
import { ShortcutsDialog } from './dialogs/shortcuts-dialog.js'
import { UsageDialog } from './dialogs/usage-dialog.js'
import { COMPOSER, focusSoon } from './focus.js'
import { NoticeLine } from './notice.js'
import { listenToShortcuts } from './shortcuts.js'
import { HIDE_LIST, SEARCH_FIELD, Sidebar, useNewChat } from './sidebar/sidebar.js'
import { SignedOut } from './signed-out.js'
import { SHOW_LIST, ThreadView } from './thread/thread-view.js'

interface Props {
  session: Session
  store: Store
  chat: Chat
}

/** Below this width the list lies over the conversation. */
const narrow = matchMedia('(max-width: 48rem)')

const useSidebar = () => {
  const open = useSelector((state) => state.open)
  const [isNarrow, setNarrow] = useState(narrow.matches)
  const [isShown, setShown] = useState(!isNarrow)
  // The button that had the focus is gone.
  const show = (isShown: boolean) => {
    setShown(isShown)
    focusSoon(isShown ? HIDE_LIST : SHOW_LIST)
  }
  // On a phone what was chosen is what is wanted.
  useEffect(() => {
    if (isNarrow && isShown) show(false)
  }, [open])
  useEffect(() => {
    narrow.onchange = () => {
      setNarrow(narrow.matches)
      setShown(!narrow.matches)
    }
  }, [])
  return { isShown, isCovered: isShown && isNarrow, show }
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
  const { isShown: isListShown, isCovered, show: showList } = useSidebar()
  const [dialog, setDialog] = useState<OpenDialog>()
  const newChat = useNewChat()
  useEffect(
    () =>
      listenToShortcuts({
        search() {
          showList(true)
          focusSoon(SEARCH_FIELD)
        },
        newChat,
        focusComposer: () => focusSoon(COMPOSER),
        toggleSidebar: () => showList(!isListShown),
        stop: () => (isCovered ? showList(false) : chat.turns.stop(store.state.open)),
        showShortcuts: () => setDialog({ kind: 'shortcuts' }),
      }),
    [chat, isListShown, isCovered],
  )
  return (
    <DialogContext.Provider value={setDialog}>
      <div class={isListShown ? 'page page-with-list' : 'page'}>
        <button type="button" class="skip" onClick={() => focusSoon(COMPOSER)}>
          Go to the message field
        </button>
        <Sidebar session={session} isShown={isListShown} onHide={() => showList(false)} />
        {isListShown && (
          <button
            type="button"
            class="scrim"
            tabIndex={-1}
            aria-label="Hide the list"
            onClick={() => showList(false)}
          />
        )}
        <ThreadView isListShown={isListShown} isCovered={isCovered} onShowList={() => showList(true)} />
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
